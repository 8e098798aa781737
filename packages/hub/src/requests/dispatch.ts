import { randomUUID } from 'node:crypto'
import { DEFAULTS, type InferenceCancel, type LeaseId, leaseId, type RequestId, type SpaceId } from '@websocket-spaces/protocol'
import type { Connection, Connections, Held } from '../spaces/connections.ts'
import type { Presence, SpaceStore } from '../spaces/ports.ts'
import { announceChange, announceEvents } from './announce.ts'
import { freeHold, freeSlots, isLive, leastLoaded, roomOf } from './capacity.ts'
import type { LossReason } from './lifecycle.ts'
import type { Bus, ClaimedRequest, RequestStore } from './ports.ts'

export interface DispatchDeps {
  readonly store: RequestStore
  readonly spaces: Pick<SpaceStore, 'find'>
  readonly bus: Bus
  readonly connections: Connections
  readonly presence: Pick<Presence, 'replicas'>
  readonly onQueueChanged: (spaceId: SpaceId) => void
  readonly now: () => number
  readonly onError: (message: string, error: unknown) => void
}

interface Loss {
  readonly spaceId: SpaceId
  readonly held: Held
  readonly reason: LossReason
}

/**
 * Hands waiting requests to the apps connected here. Each space has at most one pump running;
 * whoever wakes it meanwhile makes it go round once more, so no wake-up is lost.
 */
export class Dispatcher {
  readonly #deps: DispatchDeps
  readonly #pumps = new Map<SpaceId, { again: boolean; done: Promise<void> }>()
  readonly #holders = new Map<RequestId, Connection>()
  /** Released, but still under their lease in the store. */
  readonly #losses: Loss[] = []
  /** Under a lease of this node in the store, but held by nobody, as far as the last look showed. */
  #unknown: ReadonlySet<string> = new Set()
  /** Spaces whose last hand-out found less than there was room for: nothing waits there until `wake` says so. */
  readonly #emptied = new Set<SpaceId>()
  #stopped = false

  constructor(deps: DispatchDeps) {
    this.#deps = deps
  }

  /** Something may wait, or someone new has room. Never throws. */
  wake(spaceId: SpaceId): void {
    this.#emptied.delete(spaceId)
    const pump = this.#pumps.get(spaceId)
    if (pump !== undefined) pump.again = true
    else if (!this.#stopped) this.#pumps.set(spaceId, { again: true, done: this.#pump(spaceId) })
  }

  /** The hub ended a request: if an app here holds it, that is told, and its place is free. */
  letGo(id: RequestId, reason: InferenceCancel['reason']): void {
    this.#holders.get(id)?.link.cancel(id, reason)
    this.settle(id)
  }

  /**
   * Makes what is held here and what the store says of it one again, where a message or an answer of the store was lost.
   * What only the store knows of is taken back when that is so twice: the first time it may be on its way to an app.
   */
  async reconcile(): Promise<void> {
    if (this.#stopped) return
    const before = [...this.#holders].flatMap(([id, connection]) => connection.held.get(id) ?? [])
    const stored = await this.#deps.store.held()
    const leases = new Map(stored.map(({ id, leaseId: lease }) => [id, lease]))
    for (const held of before) {
      const isHeld = this.#heldHere(held.requestId) === held
      if (isHeld && leases.get(held.requestId) !== held.leaseId) this.letGo(held.requestId, 'canceled')
    }
    const unknown = stored.filter(({ id, leaseId: lease }) => this.#heldHere(id)?.leaseId !== lease)
    const known = this.#unknown
    this.#unknown = new Set(unknown.map(({ leaseId: lease, id }) => `${id} ${lease}`))
    for (const lease of unknown) if (known.has(`${lease.id} ${lease.leaseId}`)) await this.#takeBackUnknown(lease.id, lease.leaseId)
  }

  #heldHere(id: RequestId): Held | undefined {
    return this.#holders.get(id)?.held.get(id)
  }

  /** The app works on it, whether or not we thought it was its turn. Resolves when that is stored. */
  async begin(connection: Connection, held: Held): Promise<void> {
    if (held.started) return
    held.started = true
    try {
      await this.#begin(connection, held)
    } catch (error) {
      // Not stored, so without a deadline: the next report tries again.
      held.started = false
      throw error
    }
  }

  /** A held request is finished, by whomever: its place goes to the next one. */
  settle(id: RequestId): void {
    const connection = this.#holders.get(id)
    if (connection === undefined) return
    this.#forget(connection, id)
    this.#deps.onQueueChanged(connection.spaceId)
    this.#beginNext(connection)
    if (!this.#emptied.has(connection.spaceId)) this.wake(connection.spaceId)
  }

  /** The connection is gone: what it held goes back to the front of the queue. Never throws. */
  async release(connection: Connection, reason: LossReason): Promise<void> {
    const losses = [...connection.held.values()].map((held) => ({ spaceId: connection.spaceId, held, reason }))
    for (const { held } of losses) this.#forget(connection, held.requestId)
    for (const loss of losses) await this.#takeBack(loss)
    this.#offer(connection.spaceId)
  }

  /** Takes back what could not be when its connection left, as with a full disk. Never throws. */
  async retryReleases(): Promise<void> {
    for (const loss of this.#losses.splice(0)) {
      await this.#takeBack(loss)
      this.#offer(loss.spaceId)
    }
  }

  /** Hands out nothing more; resolves when what was under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#pumps.values()].map((pump) => pump.done))
  }

  #offer(spaceId: SpaceId): void {
    this.#deps.onQueueChanged(spaceId)
    this.#deps.bus.publish({ topic: 'waiting', spaceId })
  }

  async #pump(spaceId: SpaceId): Promise<void> {
    // Lets `wake` store the pump before it can end.
    await Promise.resolve()
    try {
      while (this.#takeWake(spaceId)) {
        await this.#handOut(spaceId)
      }
    } catch (error) {
      // The sweep wakes this space again.
      this.#deps.onError('could not hand out requests', error)
    } finally {
      this.#pumps.delete(spaceId)
    }
  }

  #takeWake(spaceId: SpaceId): boolean {
    const pump = this.#pumps.get(spaceId)
    if (pump?.again !== true || this.#stopped) return false
    pump.again = false
    return true
  }

  /** First fills running slots, then the apps' own queues; of several apps, one request at a time to the least loaded. */
  async #handOut(spaceId: SpaceId): Promise<void> {
    const { connections, presence, spaces } = this.#deps
    if (connections.liveOf(spaceId).length === 0) return
    const space = await spaces.find(spaceId)
    if (space === null) return
    const live = connections.liveOf(spaceId)
    const [only, ...others] = live
    if (only !== undefined && others.length === 0 && (roomOf(only) <= 1 || (await presence.replicas(spaceId)) <= 1)) {
      const room = roomOf(only)
      if ((await this.#claim(only, freeSlots(only), freeHold(only), space.deadlineSeconds)) < room) this.#markEmptied(spaceId)
      return
    }
    for (let next = leastLoaded(live, freeSlots); next !== undefined; next = leastLoaded(live, freeSlots)) {
      if ((await this.#claim(next, 1, 0, space.deadlineSeconds)) === 0) return this.#markEmptied(spaceId)
    }
    for (let next = leastLoaded(live, freeHold); next !== undefined; next = leastLoaded(live, freeHold)) {
      if ((await this.#claim(next, 0, 1, space.deadlineSeconds)) === 0) return this.#markEmptied(spaceId)
    }
  }

  /** Unless somebody woke the space since the claim looked: then the next round looks again. */
  #markEmptied(spaceId: SpaceId): void {
    if (this.#pumps.get(spaceId)?.again !== true) this.#emptied.add(spaceId)
  }

  async #claim(connection: Connection, start: number, hold: number, deadlineSeconds: number): Promise<number> {
    if (start + hold === 0 || !isLive(connection)) return 0
    const { store, now, onQueueChanged } = this.#deps
    const at = now()
    const lease = leaseId.parse(randomUUID())
    const claimed = await store.claim({
      spaceId: connection.spaceId,
      connectionId: connection.id,
      leaseId: lease,
      instance: connection.instance,
      start,
      hold,
      at,
      deadlineAt: at + deadlineSeconds * 1000,
    })
    for (const request of claimed)
      this.#deliver(connection, request, {
        requestId: request.id,
        leaseId: lease,
        started: request.started,
        deadlineSeconds,
        arrivals: Promise.resolve(),
      })
    if (claimed.length > 0) onQueueChanged(connection.spaceId)
    // The socket closed while the claim was being committed; its `release` saw none of these.
    if (connection.state === 'gone') await this.release(connection, 'app_lost')
    return claimed.length
  }

  #deliver(connection: Connection, request: ClaimedRequest, held: Held): void {
    const { bus } = this.#deps
    connection.held.set(request.id, held)
    this.#holders.set(request.id, connection)
    announceEvents(bus, request.id, request.events)
    const { id: requestId, userId } = request
    if (request.started)
      bus.publish({ topic: `user:${userId}`, change: 'request', requestId, spaceId: connection.spaceId, status: 'processing' })
    connection.link.deliver({
      request_id: request.id,
      username: request.username,
      payload: { prompt: request.input.prompt, timestamp: request.createdAt / 1000 },
      attempt: request.attempt,
      deadline_seconds: held.deadlineSeconds,
    })
  }

  async #begin(connection: Connection, held: Held): Promise<void> {
    const { store, bus, now, onQueueChanged } = this.#deps
    const at = now()
    const fact = { type: 'started', leaseId: held.leaseId, at, deadlineAt: at + held.deadlineSeconds * 1000 } as const
    const applied = await store.apply(held.requestId, fact)
    // Ended by somebody else meanwhile: its place goes to the next one.
    if (!applied.ok) return this.settle(held.requestId)
    if (applied.changed) announceChange(bus, applied.request, applied.events)
    onQueueChanged(connection.spaceId)
  }

  /** Begins what should run but could not be stored as begun. Part of every sweep. */
  beginOverlooked(): void {
    for (const connection of this.#deps.connections.all()) this.#beginNext(connection)
  }

  #beginNext(connection: Connection): void {
    const next = connection.held.values().find((held) => !held.started)
    if (next === undefined || freeSlots(connection) === 0) return
    this.begin(connection, next).catch((error: unknown) => {
      // Its result is taken all the same; only "processing" is not shown.
      this.#deps.onError('could not mark a request as started', error)
    })
  }

  async #takeBackUnknown(id: RequestId, lease: LeaseId): Promise<void> {
    const { store, bus, now } = this.#deps
    const fact = { type: 'lost', leaseId: lease, at: now(), reason: 'hub_restarted', maxAttempts: DEFAULTS.maxAttempts } as const
    const applied = await store.apply(id, fact)
    if (!applied.ok || !applied.changed) return
    announceChange(bus, applied.request, applied.events)
    this.#offer(applied.request.spaceId)
  }

  async #takeBack(loss: Loss): Promise<void> {
    const { store, bus, now, onError } = this.#deps
    const { held, reason } = loss
    // What the app said before it left still counts, its result first of all.
    await held.arrivals
    try {
      const fact = { type: 'lost', leaseId: held.leaseId, at: now(), reason, maxAttempts: DEFAULTS.maxAttempts } as const
      const applied = await store.apply(held.requestId, fact)
      if (applied.ok && applied.changed) announceChange(bus, applied.request, applied.events)
    } catch (error) {
      this.#losses.push(loss)
      onError('could not take a request back; the next sweep tries again', error)
    }
  }

  #forget(connection: Connection, id: RequestId): void {
    connection.held.delete(id)
    // It may have gone back to the queue and be another connection's by now.
    if (this.#holders.get(id) === connection) this.#holders.delete(id)
  }
}
