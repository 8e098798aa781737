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

/** Cancels a request: one that waits at once, one that runs as soon as its app has stopped. Throws `not_found`, `request_finished`. */
export async function cancel(deps: EndDeps, id: RequestId): Promise<void> {
  const applied = await end(deps, id, { type: 'cancel_asked', at: deps.now() }, 'canceled')
  if (!applied.ok) throw new SpacesError(applied.code)
}

/** Applies a fact that ends a request from the hub's side, or will: its followers and the app that holds it are told. */
export async function end(deps: EndDeps, id: RequestId, fact: Fact, reason: InferenceCancel['reason']): Promise<Applied> {
  const { store, bus, board } = deps
  const applied = await store.apply(id, fact)
  if (!applied.ok || !applied.changed) return applied
  announceChange(bus, applied.request, applied.events)
  const isOver = applied.request.phase.at === 'finished'
  bus.publish(isOver ? { topic: 'ended', requestId: id, reason } : { topic: 'canceling', requestId: id })
  board.changed(applied.request.spaceId)
  return applied
}
