import { DEFAULTS, type Outcome } from '@websocket-spaces/protocol'
import { type Connection, takesWork } from '../spaces/connections.ts'

/** Requests of one kind of room that an app is handed in one go: each may be large, and all are in memory until it has read them. */
const AT_ONCE = 64

/** How many more requests it may run, those not counted that may just be on their way to it; of many, as many as it is handed in one go. */
export function freeSlots(connection: Connection): number {
  return Math.min(AT_ONCE, unused(connection))
}

/** Half of its slots: the others stay on offer to those who submit meanwhile, and find nobody waiting before them. */
export function halfOfSlots(connection: Connection): number {
  return Math.min(AT_ONCE, Math.ceil(unused(connection) / 2))
}

function unused(connection: Connection): number {
  return Math.max(0, connection.concurrency - connection.offered - connection.running)
}

/** How many more it may keep in its own queue; of many, as many as it is handed in one go. */
export function freeHold(connection: Connection): number {
  return Math.min(AT_ONCE, Math.max(0, connection.prefetch - (connection.held.size - connection.running)))
}

export function roomOf(connection: Connection): number {
  return freeSlots(connection) + freeHold(connection)
}

/** Of those with this kind of room, the one that has least to do for its size. */
export function leastLoaded(connections: readonly Connection[], room: (connection: Connection) => number): Connection | undefined {
  const free = connections.filter((connection) => takesWork(connection) && !connection.link.isBehind() && room(connection) > 0)
  return free.toSorted((a, b) => loadOf(a) - loadOf(b))[0]
}

/** What is just being handed to it counts: of many that are submitted at once, all would go to the same app. */
function loadOf({ held, offered, concurrency }: Connection): number {
  return (held.size + offered) / concurrency
}

/** Counts an app's failures in a row; after too many it is rested. `at` in milliseconds. */
export function noteOutcome(connection: Connection, { status }: Outcome, at: number): void {
  if (status === 'canceled') return
  connection.failures = status === 'failed' ? connection.failures + 1 : 0
  if (connection.failures < DEFAULTS.restAfterFailures) return
  connection.failures = 0
  connection.restingUntil = at + DEFAULTS.restSeconds * 1000
}

export function isResting({ restingUntil }: Connection, at: number): boolean {
  return restingUntil > at
}
