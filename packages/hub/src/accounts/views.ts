import type { InviteView, SecretView } from '@websocket-spaces/protocol'
import type { Invite, ListedSecret } from './ports.ts'

export function secretView({ id, name, hint, space, createdAt, lastUsedAt }: ListedSecret): SecretView {
  return { id, name, hint, space, created_at: iso(createdAt), last_used_at: lastUsedAt === null ? null : iso(lastUsedAt) }
}

export function inviteView({ id, note, hint, usesLeft, createdAt, expiresAt }: Invite): InviteView {
  return { id, note, hint, uses_left: usesLeft, created_at: iso(createdAt), expires_at: expiresAt === null ? null : iso(expiresAt) }
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
