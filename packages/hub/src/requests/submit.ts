import { v7 as uuid } from 'uuid'
import { requestId, type RequestId, type RequestInput, SpacesError } from '@websocket-spaces/protocol'
import type { Identity } from '../accounts/identity.ts'
import type { Connections } from '../spaces/connections.ts'
import type { StoredSpace } from '../spaces/ports.ts'
import type { Dispatcher } from './dispatch.ts'
import type { Bus, RequestStore } from './ports.ts'
import type { QueueBoard } from './queue-board.ts'

export interface SubmitDeps {
  readonly store: RequestStore
  readonly bus: Bus
  readonly connections: Connections
  readonly dispatcher: Dispatcher
  readonly board: QueueBoard
  readonly now: () => number
  /** While the hub stops, nothing new is accepted. */
  readonly isStopping: () => boolean
}

/**
 * Accepts a request: it is committed before this returns, and will have an outcome.
 * Throws `app_not_connected`, `shutting_down`, `space_not_found`, `queue_full`, `too_fast`, `quota_exceeded`, `storage_full`.
 */
export async function submit(deps: SubmitDeps, space: StoredSpace, identity: Identity, input: RequestInput): Promise<RequestId> {
  if (deps.isStopping()) throw new SpacesError('shutting_down')
  if (deps.connections.liveOf(space.id).length === 0) throw new SpacesError('app_not_connected')
  const id = requestId.parse(uuid())
  const { maxQueue, minIntervalSeconds, dailyQuota } = space
  await deps.store.insert(
    { id, spaceId: space.id, userId: identity.userId, input, createdAt: deps.now() },
    { maxQueue, minIntervalSeconds, dailyQuota },
  )
  deps.bus.publish({ topic: `user:${identity.userId}`, change: 'request', requestId: id, spaceId: space.id, status: 'queued' })
  deps.dispatcher.wake(space.id)
  deps.board.changed(space.id)
  return id
}
