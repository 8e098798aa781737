import { type Connection, runningOn } from '../spaces/connections.ts'

/** Whether it answers its heartbeat. */
export function isLive(connection: Connection): boolean {
  return connection.state === 'connected'
}

/** How many more requests it may run. */
export function freeSlots(connection: Connection): number {
  return Math.max(0, connection.concurrency - runningOn(connection))
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
  const free = connections.filter((connection) => isLive(connection) && room(connection) > 0)
  return free.toSorted((a, b) => a.held.size / a.concurrency - b.held.size / b.concurrency)[0]
}
