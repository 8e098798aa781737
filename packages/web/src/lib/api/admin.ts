import { createInviteBody, createdInvite, hubSettings, inviteList, overview, userPage, userView } from '@websocket-spaces/protocol'
import type { HubSettings, InviteView, Overview, SecretId, UpdateUserBody, UserId, UserPage, UserView } from '@websocket-spaces/protocol'
import type { z } from 'zod'
import { call, callOnly, withQuery } from './http.ts'

export type CreateInvite = z.input<typeof createInviteBody>
export type CreatedInvite = z.infer<typeof createdInvite>

export function fetchOverview(): Promise<Overview> {
  return call('GET', '/api/v1/admin/overview', overview)
}

export function listUsers(search: string, cursor?: string): Promise<UserPage> {
  return call('GET', withQuery('/api/v1/admin/users', { search, cursor }), userPage)
}

export function updateUser(id: UserId, body: UpdateUserBody): Promise<UserView> {
  return call('PATCH', `/api/v1/admin/users/${encodeURIComponent(id)}`, userView, body)
}

export function fetchSettings(): Promise<HubSettings> {
  return call('GET', '/api/v1/admin/settings', hubSettings)
}

export function saveSettings(settings: HubSettings): Promise<HubSettings> {
  return call('PUT', '/api/v1/admin/settings', hubSettings, settings)
}

export async function listInvites(): Promise<InviteView[]> {
  const { items } = await call('GET', '/api/v1/admin/invites', inviteList)
  return items
}

/** The answer carries the code itself; it is never shown again. */
export function createInvite(invite: CreateInvite): Promise<CreatedInvite> {
  return call('POST', '/api/v1/admin/invites', createdInvite, createInviteBody.parse(invite))
}

export function revokeInvite(id: SecretId): Promise<void> {
  return callOnly('DELETE', `/api/v1/admin/invites/${encodeURIComponent(id)}`)
}

export function dropConnection(id: string): Promise<void> {
  return callOnly('DELETE', `/api/v1/admin/connections/${encodeURIComponent(id)}`)
}
