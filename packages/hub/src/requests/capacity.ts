import { DEFAULTS, type Outcome } from '@websocket-spaces/protocol'
import { type Connection, runningOn, takesWork } from '../spaces/connections.ts'

/** How many more requests it may run, those not counted that may just be on their way to it. */
export function freeSlots(connection: Connection): number {
  return Math.max(0, connection.concurrency - connection.offered - runningOn(connection))
}

/** How many more it may keep in its own queue. */
export function freeHold(connection: Connection): number {
  return Math.max(0, connection.prefetch - (connection.held.size - runningOn(connection)))
}

export function roomOf(connection: Connection): number {
  return freeSlots(connection) + freeHold(connection)
}

/** Of those with this kind of room, the one that has least to do for its size. */
export function leastLoaded(connections: readonly Connection[], room: (connection: Connection) => number): Connection | undefined {
  const free = connections.filter((connection) => takesWork(connection) && room(connection) > 0)
  return free.toSorted((a, b) => a.held.size / a.concurrency - b.held.size / b.concurrency)[0]
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
