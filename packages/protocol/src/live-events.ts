/**
 * What the hub and a signed-in browser say over the live socket (Socket.IO, path `/live/`).
 * The session cookie is checked once, at the handshake. Every call is acknowledged with a `LiveAck`.
 */
import { z } from 'zod'
import { ERROR_CODES } from './errors.ts'
import { requestId, spaceId } from './ids.ts'
import { followItem, requestStatus } from './request.ts'
import { spaceStatus } from './space.ts'

export const LIVE_PATH = '/live/'

/** Browser → hub. `watch…` calls stay in force until the socket closes or the matching `unwatch…`. */
export const LIVE_CALLS = {
  watchGallery: 'watch_gallery',
  unwatchGallery: 'unwatch_gallery',
  watchSpace: 'watch_space',
  unwatchSpace: 'unwatch_space',
  watchConnections: 'watch_connections',
  unwatchConnections: 'unwatch_connections',
  follow: 'follow',
  unfollow: 'unfollow',
} as const

/** Hub → browser. */
export const LIVE_EVENTS = {
  spaceStatus: 'space_status',
  spaceChanged: 'space_changed',
  requestEvent: 'request_event',
  followEnded: 'follow_ended',
  myRequest: 'my_request',
  connections: 'connections',
} as const

export const watchSpaceCall = z.object({ space_id: spaceId })
export const followCall = z.object({ request_id: requestId, after: z.number().int().min(0).default(0) })
export const unfollowCall = z.object({ request_id: requestId })

/** `spaces` comes with the ack of `watch_gallery` and `watch_space`: the state to start from. */
export const liveAck = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), spaces: z.array(spaceStatus).optional() }),
  z.object({ ok: z.literal(false), error: z.object({ code: z.enum(ERROR_CODES), message: z.string() }) }),
])
export type LiveAck = z.infer<typeof liveAck>

export const requestEventPush = z.object({ request_id: requestId, item: followItem })
export type RequestEventPush = z.infer<typeof requestEventPush>

/** A follow that ended without a `result`; the browser follows again from the last `seq` it saw. */
export const followEndedPush = z.object({ request_id: requestId, code: z.enum(ERROR_CODES) })

/** The space was edited or deleted: fetch it again. */
export const spaceChangedPush = z.object({ space_id: spaceId, deleted: z.boolean() })

/** One of the user's own requests was accepted or changed status, in this tab or another. */
export const myRequestPush = z.object({ request_id: requestId, space_id: spaceId, status: requestStatus })
export type MyRequestPush = z.infer<typeof myRequestPush>

/** One registered socket of an app, as the admin sees it. */
export const connectionView = z.object({
  connection_id: z.string(),
  space_id: spaceId,
  space: z.string(),
  instance: z.string().nullable(),
  sdk: z.string().nullable(),
  address: z.string(),
  transport: z.string(),
  /** `draining`: finishes what it has and leaves; `resting`: failed too often in a row, gets nothing for a while. */
  state: z.enum(['connected', 'silent', 'draining', 'resting']),
  concurrency: z.number().int(),
  prefetch: z.number().int(),
  holding: z.number().int(),
  connected_at: z.string(),
})
export type ConnectionView = z.infer<typeof connectionView>
export const connectionsPush = z.object({ connections: z.array(connectionView) })
