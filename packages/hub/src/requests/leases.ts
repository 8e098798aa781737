import { type InferenceCancel, type RequestId, type SpaceId } from '@websocket-spaces/protocol'
import type { Connection, Connections, Held } from '../spaces/connections.ts'
import { announceChange } from './announce.ts'
import { freeSlots } from './capacity.ts'
import type { LeaseRef } from './lifecycle.ts'
import type { Bus, RequestStore, StoredRequest } from './ports.ts'

/** Characters of a prompt. */
const MOST_REMEMBERED = 16_384

export interface LeaseDeps {
  readonly store: RequestStore
  readonly bus: Bus
  readonly connections: Connections
  /** A connection of this space has room again. */
  readonly onFreed: (spaceId: SpaceId) => void
  readonly onQueueChanged: (spaceId: SpaceId) => void
  readonly now: () => number
  readonly onError: (message: string, error: unknown) => void
}

/** How the store knows what a connection holds. */
export function refOf(connection: Connection, held: Held): LeaseRef {
  return { id: held.leaseId, connectionId: connection.id }
}

export interface Holding {
  readonly connection: Connection
  readonly held: Held
}

/** What the apps connected here hold. The store is the truth; this is what is to be done about it. */
export class Leases {
  readonly #deps: LeaseDeps
  readonly #holders = new Map<RequestId, Connection>()
  /** How some of them stood in the store when they were handed over. */
  readonly #lastKnown = new Map<RequestId, StoredRequest>()

  constructor(deps: LeaseDeps) {
    this.#deps = deps
  }

  find(id: RequestId): Holding | undefined {
    const connection = this.#holders.get(id)
    const held = connection?.held.get(id)
    return connection === undefined || held === undefined ? undefined : { connection, held }
  }

  all(): readonly Holding[] {
    return [...this.#holders.keys()].flatMap((id) => this.find(id) ?? [])
  }

  /** From now on this connection holds it, and whoever did here does no more. */
  give(connection: Connection, held: Held): void {
    const before = this.#holders.get(held.requestId)
    if (before !== undefined) this.forget(before, held.requestId)
    connection.held.set(held.requestId, held)
    if (held.started) connection.running += 1
    this.#holders.set(held.requestId, connection)
  }

  forget(connection: Connection, id: RequestId): void {
    if (connection.held.get(id)?.started === true) connection.running -= 1
    connection.held.delete(id)
    // It may have gone back to the queue and be another connection's by now.
    if (this.#holders.get(id) !== connection) return
    this.#holders.delete(id)
    this.#lastKnown.delete(id)
  }

  /** How a request that was just given stands in the store: whoever ends it need not look. */
  remember(request: StoredRequest): void {
    // An app may hold a thousand.
    if (this.#holders.has(request.id) && request.input.prompt.length <= MOST_REMEMBERED) this.#lastKnown.set(request.id, request)
  }

  /** Something is said of it: how it was last known to stand is worth nothing any more. */
  touched(id: RequestId): void {
    this.#lastKnown.delete(id)
  }

  lastKnown(id: RequestId): StoredRequest | undefined {
    return this.#lastKnown.get(id)
  }

  /** The app works on it, whether or not we thought it was its turn. Resolves when that is stored. */
  async begin(connection: Connection, held: Held): Promise<void> {
    if (held.started) return
    this.#mark(connection, held, true)
    try {
      await this.#begin(connection, held)
    } catch (error) {
      // Not stored, so without a deadline: the next report tries again.
      this.#mark(connection, held, false)
      throw error
    }
  }

  /** Begins what should run but could not be stored as begun. Part of every sweep. */
  beginOverlooked(): void {
    for (const connection of this.#deps.connections.all()) this.#beginNext(connection)
  }

  /** A held request is finished, by whomever: its place goes to the next one. */
  settle(id: RequestId): void {
    const connection = this.#holders.get(id)
    if (connection === undefined) return
    this.forget(connection, id)
    this.#deps.onQueueChanged(connection.spaceId)
    this.freed(connection)
  }

  /** It has a slot for the next one, of its own queue or of the space's. */
  freed(connection: Connection): void {
    this.#beginNext(connection)
    this.#deps.onFreed(connection.spaceId)
  }

  /** It is no longer this app's: if one here holds it, that is told, and its place is free. */
  letGo(id: RequestId, reason: InferenceCancel['reason']): void {
    this.#holders.get(id)?.link.cancel(id, reason)
    this.settle(id)
  }

  /** Somebody canceled it: the app is to stop, and keeps it until it says that it has. */
  askToStop(id: RequestId): void {
    this.touched(id)
    this.#holders.get(id)?.link.cancel(id, 'canceled')
  }

  async #begin(connection: Connection, held: Held): Promise<void> {
    const { store, bus, now, onQueueChanged } = this.#deps
    const at = now()
    const deadlineAt = at + held.deadlineSeconds * 1000
    const applied = await store.apply(held.requestId, { type: 'started', by: refOf(connection, held), at, deadlineAt })
    // Ended by somebody else meanwhile: its place goes to the next one.
    if (!applied.ok) return this.settle(held.requestId)
    if (applied.changed) announceChange(bus, applied.request, applied.events)
    onQueueChanged(connection.spaceId)
  }

  #mark(connection: Connection, held: Held, started: boolean): void {
    held.started = started
    // It may have been taken from it meanwhile.
    if (connection.held.get(held.requestId) === held) connection.running += started ? 1 : -1
  }

  #beginNext(connection: Connection): void {
    if (connection.running === connection.held.size || freeSlots(connection) === 0) return
    const next = connection.held.values().find((held) => !held.started)
    if (next === undefined) return
    const begun = this.begin(connection, next)
    // What the app says of it meanwhile is stored after its start, which counts its output from zero.
    next.arrivals = Promise.allSettled([next.arrivals, begun]).then(() => undefined)
    begun.catch((error: unknown) => {
      // Its result is taken all the same; only "processing" is not shown.
      this.#deps.onError('could not mark a request as started', error)
    })
  }
}
