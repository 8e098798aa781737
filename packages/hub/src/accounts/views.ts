import { type InviteView, isoTime, type SecretView } from '@websocket-spaces/protocol'
import type { Invite, ListedSecret } from './ports.ts'

export function secretView({ id, name, hint, space, createdAt, lastUsedAt }: ListedSecret): SecretView {
  return { id, name, hint, space, created_at: isoTime(createdAt), last_used_at: lastUsedAt === null ? null : isoTime(lastUsedAt) }
}

export function inviteView({ id, note, hint, usesLeft, createdAt, expiresAt }: Invite): InviteView {
  return { id, note, hint, uses_left: usesLeft, created_at: isoTime(createdAt), expires_at: expiresAt === null ? null : isoTime(expiresAt) }
}
