import type { Server, Socket } from 'socket.io'
import type { SpaceId, UserId } from '@websocket-spaces/protocol'
import type { Identity } from '../accounts/identity.ts'

type Events = Record<string, (...args: unknown[]) => void>
interface SocketData {
  identity: Identity
}
export type LiveServer = Server<Events, Events, object, SocketData>
export type LiveSocket = Socket<Events, Events, object, SocketData>

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
