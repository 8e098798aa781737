import type { SpaceId } from '@websocket-spaces/protocol'
import type { Connection, Connections } from '../spaces/connections.ts'
import type { StoredSpace } from '../spaces/ports.ts'
import { freeSlots, isResting, leastLoaded } from './capacity.ts'
import { handOver } from './hand-over.ts'
import { begunRequest } from './begun-request.ts'
import { newLeaseId } from './lease-id.ts'
import type { Leases } from './leases.ts'
import type { NewRequest, Offer } from './ports.ts'

export interface OffersDeps {
  readonly connections: Connections
  readonly leases: Leases
  /** The connection is gone that a request has just taken a slot of: it heard nothing of it. */
  readonly onTooLate: (connection: Connection) => void
  readonly now: () => number
}

/** A slot kept free until its request is committed. Disposing gives it back, unless it was taken. */
export interface SlotOffer extends Disposable {
  readonly terms: Offer
  /** The request began there: its app is handed it. */
  take(request: NewRequest, username: string): void
}

/**
 * Free slots for requests about to be accepted. Where nobody waits, a request begins in the very transaction that accepts
 * it: one write less on its way, and nobody has to look for it.
 */
export class Offers {
  readonly #deps: OffersDeps
  /** Those whose requests are not committed yet. */
  readonly #open = new Map<SpaceId, Set<Promise<void>>>()
  #stopped = false

  constructor(deps: OffersDeps) {
    this.#deps = deps
  }

  /** Undefined when no app connected here has a free slot. */
  make(space: StoredSpace): SlotOffer | undefined {
    const { id: spaceId, deadlineSeconds } = space
    const { connections, now } = this.#deps
    if (this.#stopped) return undefined
    const at = now()
    const fit = connections.liveOf(spaceId).filter((connection) => !isResting(connection, at))
    const connection = leastLoaded(fit, freeSlots)
    if (connection === undefined) return undefined
    const { id: connectionId, instance, app, renews } = connection
    const lease = { leaseId: newLeaseId(), connectionId, instance, app, renews }
    const terms = { ...lease, at, deadlineAt: at + deadlineSeconds * 1000 }
    const offer = new KeptSlot(this.#deps, connection, terms, space)
    this.#note(spaceId, offer.closed)
    return offer
  }

  /** Resolves when what is being accepted in a space, or in all, has been handed to its apps. */
  async settled(spaceId?: SpaceId): Promise<void> {
    const open = spaceId === undefined ? [...this.#open.values()] : [this.#open.get(spaceId) ?? []]
    await Promise.all(open.flatMap((some) => [...some]))
  }

  /** Offers nothing more; resolves as {@link settled}. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.settled()
  }

  #note(spaceId: SpaceId, settled: Promise<void>): void {
    const open = this.#open.get(spaceId) ?? new Set()
    this.#open.set(spaceId, open.add(settled))
    void settled.then(() => {
      open.delete(settled)
      if (open.size === 0 && this.#open.get(spaceId) === open) this.#open.delete(spaceId)
    })
  }
}

class KeptSlot implements SlotOffer {
  readonly terms: Offer
  /** Resolves when it is taken or given back. */
  readonly closed: Promise<void>
  readonly #deps: OffersDeps
  readonly #connection: Connection
  readonly #space: StoredSpace
  readonly #resolve: () => void
  #isOpen = true

  constructor(deps: OffersDeps, connection: Connection, terms: Offer, space: StoredSpace) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#deps = deps
    this.#connection = connection
    this.terms = terms
    this.#space = space
    this.closed = promise
    this.#resolve = resolve
    connection.offered += 1
  }

  take(request: NewRequest, username: string): void {
    if (!this.#close()) return
    const { id, userId, input, createdAt } = request
    const { leaseId } = this.terms
    const claimed = { id, userId, username, input, createdAt, leaseId, attempt: 1, started: true, events: [] }
    const { leases } = this.#deps
    handOver(leases, this.#connection, claimed, this.#space.deadlineSeconds)
    leases.remember(begunRequest(request, username, this.#space, this.terms))
    // Its release, if the socket closed meanwhile, saw nothing of this request.
    if (this.#connection.state === 'gone') this.#deps.onTooLate(this.#connection)
  }

  [Symbol.dispose](): void {
    if (this.#close()) this.#deps.leases.freed(this.#connection)
  }

  #close(): boolean {
    if (!this.#isOpen) return false
    this.#isOpen = false
    this.#connection.offered -= 1
    this.#resolve()
    return true
  }
}
