import { type RequestId, type SpaceId, TIMING } from '@websocket-spaces/protocol'
import type { Connection, Departure, Held } from '../spaces/connections.ts'
import { announceChange } from './announce.ts'
import { type Holding, type LeaseDeps, type Leases, refOf } from './leases.ts'
import type { Fact, LeaseRef, LossReason } from './lifecycle.ts'
import type { Applied } from './ports.ts'

export interface TakeBackDeps extends Omit<LeaseDeps, 'onFreed'> {
  readonly leases: Leases
  /** Milliseconds in which an app that vanished may come back. */
  readonly graceFor: number
}

/** Milliseconds in which an app may come back: who renews its leases has no longer than until the next would have been due. */
export function returnWithin({ renews }: Pick<Connection, 'renews'>, graceFor: number): number {
  return renews ? Math.min(TIMING.leaseFor, graceFor) : graceFor
}

interface Loss {
  readonly spaceId: SpaceId
  readonly id: RequestId
  /** Made anew by each try: while the store cannot be told, no app can come back either. */
  readonly fact: () => Fact
}

/** Milliseconds after which a look that comes late says more about this hub than about its apps. */
const HELD_UP = 3 * TIMING.sweepEvery

/** Ends leases: of connections that are gone, of apps that forgot them, and where hub and store disagree. */
export class TakeBack {
  readonly #deps: TakeBackDeps
  /** To be told the store, which could not take it. */
  #losses: Loss[] = []
  /** Under a lease of this node in the store, but held by nobody, as far as the last look showed. */
  #unknown: ReadonlySet<string> = new Set()
  #looked = performance.now()

  constructor(deps: TakeBackDeps) {
    this.#deps = deps
  }

  /** A connection is gone: what it ran stays its own for a while if it may come back, all else is next in the queue. Never throws. */
  async release(connection: Connection, departure: Departure): Promise<void> {
    const holdings = [...connection.held.values()].map((held) => ({ connection, held }))
    for (const { held } of holdings) this.#deps.leases.forget(connection, held.requestId)
    const reason = departure === 'sent_on' ? 'hub_restarted' : 'app_lost'
    const stays = departure !== 'left' && !this.#isBackAlready(connection)
    for (const holding of holdings) await this.#end(holding, (by) => this.#departed(connection, by, reason, stays))
    this.#offer(connection.spaceId)
  }

  /** The app will not begin what it has not begun. Never throws. */
  async returnUnbegun(connection: Connection): Promise<void> {
    const unbegun = [...connection.held.values()].filter((held) => !held.started)
    await this.#return(connection, unbegun, 'app_lost')
  }

  /** It was gone before these could be sent to it: nobody will come back for them, and no app is to blame. Never throws. */
  async returnUnsent(connection: Connection): Promise<void> {
    await this.#return(connection, [...connection.held.values()], 'hub_restarted')
  }

  /** Takes back what could not be when its connection left, as with a full disk. Never throws. */
  async retry(): Promise<void> {
    const losses = this.#losses
    this.#losses = []
    for (const loss of losses) {
      await this.#apply(loss)
      this.#offer(loss.spaceId)
    }
  }

  /** Ends leases that their apps, though connected, have not renewed. `now` as of performance.now(). Never throws. */
  async lapse(now = performance.now()): Promise<void> {
    const heldUp = now - this.#looked > HELD_UP
    this.#looked = now
    const holdings = this.#deps.leases.all().filter(({ connection }) => connection.renews)
    for (const holding of holdings) {
      const { connection, held } = holding
      if (heldUp) held.renewedAt = now
      if (now - held.renewedAt <= TIMING.leaseFor) continue
      // Another connection may have resumed it while the one before was taken back.
      if (this.#deps.leases.find(held.requestId)?.held !== held) continue
      this.#deps.leases.letGo(held.requestId, 'lease_lost')
      await this.#end(holding, (by) => this.#lost(by, 'app_lost'))
      this.#offer(connection.spaceId)
    }
  }

  /**
   * Makes what is held here and what the store says of it one again, where a message or an answer of the store was lost.
   * What only the store knows of is taken back when that is so twice: the first time it may be on its way to an app.
   */
  async reconcile(): Promise<void> {
    const { store, leases } = this.#deps
    const before = leases.all()
    const stored = await store.held()
    const known = new Map(stored.map((one) => [one.id, one]))
    for (const { connection, held } of before) {
      const { requestId: id } = held
      if (leases.find(id)?.held !== held) continue
      const one = known.get(id)
      if (one === undefined || !isSame(one.by, refOf(connection, held))) leases.letGo(id, 'lease_lost')
      else if (one.isCanceling) leases.askToStop(id)
    }
    const unknown = stored.filter(({ id, by }) => !this.#isHeldHere(id, by))
    const earlier = this.#unknown
    this.#unknown = new Set(unknown.map(({ id, by }) => `${id} ${by.id} ${by.connectionId}`))
    for (const { id, by } of unknown) if (earlier.has(`${id} ${by.id} ${by.connectionId}`)) await this.#takeBackUnknown(id, by)
  }

  async #return(connection: Connection, all: readonly Held[], reason: LossReason): Promise<void> {
    for (const held of all) this.#deps.leases.forget(connection, held.requestId)
    for (const held of all) await this.#end({ connection, held }, (by) => this.#lost(by, reason))
    this.#offer(connection.spaceId)
  }

  #isHeldHere(id: RequestId, by: LeaseRef): boolean {
    const holding = this.#deps.leases.find(id)
    return holding !== undefined && isSame(by, refOf(holding.connection, holding.held))
  }

  async #takeBackUnknown(id: RequestId, by: LeaseRef): Promise<void> {
    const applied = await this.#deps.store.apply(id, this.#lost(by, 'hub_restarted'))
    if (!applied.ok || !applied.changed) return
    this.#tell(applied)
    this.#offer(applied.request.spaceId)
  }

  /** An app that does not say what it resumes is back as soon as it is connected again, though its old connection dies only now. */
  #isBackAlready({ app, renews, spaceId }: Connection): boolean {
    return !renews && this.#deps.connections.ofSpace(spaceId).some((other) => other.app === app)
  }

  #lost(by: LeaseRef, reason: LossReason): Fact {
    return { type: 'lost', by, at: this.#deps.now(), reason }
  }

  #departed({ renews }: Connection, by: LeaseRef, reason: LossReason, stays: boolean): Fact {
    if (!stays) return this.#lost(by, reason)
    const at = this.#deps.now()
    return { type: 'left', by, at, until: at + returnWithin({ renews }, this.#deps.graceFor), reason }
  }

  async #end({ connection, held }: Holding, factOf: (by: LeaseRef) => Fact): Promise<void> {
    // What the app said before it left still counts, its result first of all.
    await held.arrivals
    await this.#apply({ spaceId: connection.spaceId, id: held.requestId, fact: () => factOf(refOf(connection, held)) })
  }

  async #apply(loss: Loss): Promise<void> {
    try {
      const applied = await this.#deps.store.apply(loss.id, loss.fact())
      if (applied.ok && applied.changed) this.#tell(applied)
    } catch (error) {
      this.#losses.push(loss)
      this.#deps.onError('could not take a request back; the next sweep tries again', error)
    }
  }

  #tell({ request, events }: Extract<Applied, { ok: true }>): void {
    if (events.length > 0) announceChange(this.#deps.bus, request, events)
  }

  #offer(spaceId: SpaceId): void {
    this.#deps.onQueueChanged(spaceId)
    this.#deps.bus.publish({ topic: 'waiting', spaceId })
  }
}

function isSame(one: LeaseRef, other: LeaseRef): boolean {
  return one.id === other.id && one.connectionId === other.connectionId
}
