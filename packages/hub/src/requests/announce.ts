import type { RequestEvent } from '@websocket-spaces/protocol'
import { statusOf } from './lifecycle.ts'
import type { Bus, StoredRequest } from './ports.ts'

/** Tells followers what was just committed. Always after the commit, never before. */
export function announceEvents(bus: Bus, id: StoredRequest['id'], events: readonly RequestEvent[]): void {
  for (const item of events) bus.publish({ topic: `request:${id}`, item })
}

/** As {@link announceEvents}, and tells the user's other pages that the request's status changed. */
export function announceChange(bus: Bus, request: StoredRequest, events: readonly RequestEvent[]): void {
  for (const item of events) bus.publish({ topic: `request:${request.id}`, item, request })
  const { id: requestId, spaceId, userId } = request
  bus.publish({ topic: `user:${userId}`, change: 'request', requestId, spaceId, status: statusOf(request.phase) })
}
