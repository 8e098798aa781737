import { randomBytes } from 'node:crypto'
import { SpacesClient } from '@websocket-spaces/client'
import type { Space } from '@websocket-spaces/protocol'
import { ADMIN_PASSWORD } from './hub-process.ts'

export async function signInAdmin(url: string): Promise<SpacesClient> {
  const client = new SpacesClient({ host: url })
  await client.signIn('admin', ADMIN_PASSWORD)
  return client
}

/** A new user, signed in. */
export async function signUp(url: string, username = unique('user')): Promise<SpacesClient> {
  const client = new SpacesClient({ host: url })
  await client.signUp(username, 'their-own-password')
  return client
}

export function unique(word: string): string {
  return `${word}-${randomBytes(4).toString('hex')}`
}

export interface OwnedSpace {
  readonly space: Space
  /** `owner/name` */
  readonly reference: string
  readonly token: string
}

/** A space with a connect token for it. */
export async function makeSpace(
  owner: SpacesClient,
  body: Parameters<SpacesClient['createSpace']>[0] = { name: unique('space') },
): Promise<OwnedSpace> {
  const space = await owner.createSpace(body)
  const reference = `${space.owner}/${space.name}`
  const { token } = await owner.createConnectToken('for a test', reference)
  return { space, reference, token }
}
