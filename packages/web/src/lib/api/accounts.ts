import { createSecretBody, createdSecret, hubInfo, me, secretList } from '@websocket-spaces/protocol'
import type { CreatedSecret, HubInfo, Me, SecretId, SecretView } from '@websocket-spaces/protocol'
import { call, callOnly, spacePath } from './http.ts'

export function fetchInfo(): Promise<HubInfo> {
  return call('GET', '/api/v1/info', hubInfo)
}

/** The signed-in user. Throws `not_signed_in` when there is none. */
export function fetchMe(): Promise<Me> {
  return call('GET', '/api/v1/me', me)
}

export function signIn(username: string, password: string): Promise<void> {
  return callOnly('POST', '/api/auth/sign-in/username', { username, password })
}

export function signUp(username: string, password: string, invite: string): Promise<void> {
  return callOnly('POST', '/api/auth/sign-up/email', { username, password, ...(invite === '' ? {} : { invite }) })
}

export function signOut(): Promise<void> {
  return callOnly('POST', '/api/auth/sign-out', {})
}

export function changePassword(currentPassword: string, newPassword: string): Promise<void> {
  return callOnly('POST', '/api/auth/change-password', { currentPassword, newPassword })
}

/** Where a kind of secret lives: a user's API keys, an owner's connect tokens, or those of one space. */
export type SecretPlace = { kind: 'api_keys' } | { kind: 'owner_tokens' } | { kind: 'space_tokens'; owner: string; name: string }

export async function listSecrets(place: SecretPlace): Promise<SecretView[]> {
  const { items } = await call('GET', pathOf(place), secretList)
  return items
}

/** The answer carries the secret itself; it is never shown again. */
export function createSecret(place: SecretPlace, name: string): Promise<CreatedSecret> {
  return call('POST', pathOf(place), createdSecret, createSecretBody.parse({ name }))
}

export function revokeSecret(place: SecretPlace, id: SecretId): Promise<void> {
  return callOnly('DELETE', `${pathOf(place)}/${id}`)
}

function pathOf(place: SecretPlace): string {
  switch (place.kind) {
    case 'api_keys':
      return '/api/v1/keys'
    case 'owner_tokens':
      return '/api/v1/tokens'
    default:
      return spacePath(place.owner, place.name, '/tokens')
  }
}
