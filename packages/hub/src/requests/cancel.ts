import { type InferenceCancel, type RequestId, SpacesError } from '@websocket-spaces/protocol'
import { announceChange } from './announce.ts'
import type { Fact } from './lifecycle.ts'
import type { Applied, Bus, RequestStore } from './ports.ts'
import type { QueueBoard } from './queue-board.ts'

export interface EndDeps {
  readonly store: RequestStore
  readonly bus: Bus
  readonly board: QueueBoard
  readonly now: () => number
}

/** Cancels a request that waits or runs. Throws `not_found`, `request_finished`. */
export async function cancel(deps: EndDeps, id: RequestId, reason: InferenceCancel['reason'] = 'canceled'): Promise<void> {
  const applied = await end(deps, id, { type: 'canceled', at: deps.now() }, reason)
  if (!applied.ok) throw new SpacesError(applied.code)
}

/** Ends a request from the hub's side: its followers and the app that holds it are told, and its place is free. */
export async function end(deps: EndDeps, id: RequestId, fact: Fact, reason: InferenceCancel['reason']): Promise<Applied> {
  const { store, bus, board } = deps
  const applied = await store.apply(id, fact)
  if (!applied.ok || !applied.changed) return applied
  announceChange(bus, applied.request, applied.events)
  bus.publish({ topic: 'ended', requestId: id, reason })
  board.changed(applied.request.spaceId)
  return applied
}
