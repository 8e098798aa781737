/**
 * L1: of one user's requests to one space, the older is handed over first.
 *
 * Nodes claim at the same time and stamp events before they commit, so times close to each other say nothing. What
 * cannot be is this: B was submitted after A had been accepted, and A's first start began only after B's app had
 * reported on B, while A was waiting all along.
 */
import type { Violation } from './violation.ts'
import type { Wish } from './ledger.ts'
import type { Stored, StoredEvent } from './stored.ts'

interface Start {
  readonly wish: Wish
  readonly id: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** When something was stored about it that came after its start; never, perhaps. */
  readonly reportedAt: number
}

export function orderViolations(wishes: readonly Wish[], byId: ReadonlyMap<string, Stored>): Violation[] {
  const starts = wishes.flatMap((wish) => startOf(wish, byId) ?? [])
  const queues = Map.groupBy(starts, ({ wish }) => `${wish.user} ${wish.spaceId}`)
  return [...queues.values()].flatMap((queue) => queue.flatMap((later) => overtaken(later, queue)))
}

function overtaken(later: Start, queue: readonly Start[]): Violation[] {
  const earlier = queue.find(
    (start) => start.wish.acceptedAt !== null && start.wish.acceptedAt < later.wish.askedAt && start.startedAt > later.reportedAt,
  )
  if (earlier === undefined) return []
  return [{ kind: 'order', id: later.id, what: `started and reported before ${earlier.id} was started, which was accepted earlier` }]
}

/** A request an app had in its own queue is started when the hub hears of it, so only reports by the app itself count. */
function startOf(wish: Wish, byId: ReadonlyMap<string, Stored>): Start | null {
  const [id] = wish.ids
  const request = id === undefined ? undefined : byId.get(id)
  const first = request?.events.findIndex(isStart) ?? -1
  if (request === undefined || first < 0) return null
  const report = request.events.slice(first + 1).find(({ type }) => type === 'output' || type === 'progress')
  return { wish, id: request.id, startedAt: request.events[first]?.at ?? 0, reportedAt: report?.at ?? Number.POSITIVE_INFINITY }
}

function isStart({ type, data }: StoredEvent): boolean {
  return type === 'status' && data['status'] === 'processing'
}
