import type { SpaceId, UserId } from '@websocket-spaces/protocol'

/** Everybody who looks at the gallery; hidden spaces are told only to those below. */
export const GALLERY = 'gallery'
export const ADMIN_GALLERY = 'gallery:admin'
export const CONNECTIONS = 'connections'

export function ownGallery(userId: UserId): string {
  return `gallery:${userId}`
}

export function spaceRoom(id: SpaceId): string {
  return `space:${id}`
}
