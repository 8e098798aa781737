import { SpacesError, type UserId } from '@websocket-spaces/protocol'
import type { Identity } from '../accounts/identity.ts'
import type { StoredSpace } from './ports.ts'

type Guarded = Pick<StoredSpace, 'ownerId' | 'visibility' | 'owner' | 'name'>

export function canEdit(space: Pick<StoredSpace, 'ownerId'>, identity: Pick<Identity, 'userId' | 'role'>): boolean {
  return space.ownerId === identity.userId || identity.role === 'admin'
}

/** Public and unlisted spaces are open to every signed-in user; unlisted ones are only not shown in lists. */
export function canSee(space: Guarded, identity: Pick<Identity, 'userId' | 'role'>): boolean {
  return space.visibility !== 'private' || canEdit(space, identity)
}

/** Whether a space is told of when its name alone is asked for: hidden ones must not betray themselves. */
export function isListedFor(space: Guarded, userId: UserId | null): boolean {
  return space.visibility === 'public' || space.ownerId === userId
}

/** Throws `forbidden`, or `space_not_found` where existence itself is private. */
export function assertCanEdit(space: Guarded, identity: Identity): void {
  if (canEdit(space, identity)) return
  if (!canSee(space, identity)) throw new SpacesError('space_not_found', { name: `${space.owner}/${space.name}` })
  throw new SpacesError('forbidden')
}
