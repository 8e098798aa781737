import type { SpaceId } from '@websocket-spaces/protocol'
import { type Connection, type Connections, takesWork } from '../spaces/connections.ts'
import type { Presence, SpaceStore } from '../spaces/ports.ts'
import { announceEvents } from './announce.ts'
import { freeHold, freeSlots, halfOfSlots, isResting, leastLoaded, roomOf } from './capacity.ts'
import { handOver } from './hand-over.ts'
import type { Leases } from './leases.ts'
import type { Bus, ClaimedRequest, RequestStore } from './ports.ts'

export interface DispatchDeps {
  readonly store: Pick<RequestStore, 'claim' | 'told'>
  readonly spaces: Pick<SpaceStore, 'find'>
  readonly bus: Bus
  readonly connections: Connections
  readonly presence: Pick<Presence, 'replicas'>
  readonly leases: Leases
  /** The connection is gone that requests were just claimed for: it heard of none of them. */
  readonly onTooLate: (connection: Connection) => Promise<void>
  readonly onQueueChanged: (spaceId: SpaceId) => void
  readonly now: () => number
  readonly onError: (message: string, error: unknown) => void
}

/**
 * Hands waiting requests to the apps connected here. Each space has at most one pump running;
 * whoever wakes it meanwhile makes it go round once more, so no wake-up is lost.
 */
export class Dispatcher {
  readonly #deps: DispatchDeps
  readonly #pumps = new Map<SpaceId, { again: boolean; done: Promise<void> }>()
  /** Spaces whose last hand-out found less than there was room for: nothing waits there until `wake` says so. */
  readonly #emptied = new Set<SpaceId>()
  /** The claim under way in a space; there is one at most. Never rejects. */
  readonly #claiming = new Map<SpaceId, Promise<unknown>>()
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

  /** A connection has room again. */
  freed(spaceId: SpaceId): void {
    if (!this.#emptied.has(spaceId)) this.wake(spaceId)
  }

  /** Resolves when what is being handed out in a space has been sent to its apps. */
  async handedOut(spaceId: SpaceId): Promise<void> {
    await this.#claiming.get(spaceId)
  }

  /** Hands out nothing more; resolves when what was under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#pumps.values()].map((pump) => pump.done))
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
    const fit = await this.#fitOf(spaceId)
    const [only, ...others] = fit
    if (only !== undefined && others.length === 0 && (roomOf(only) <= 1 || (await presence.replicas(spaceId)) <= 1)) {
      return this.#fill(only, space.deadlineSeconds)
    }
    for (let next = leastLoaded(fit, freeSlots); next !== undefined; next = leastLoaded(fit, freeSlots)) {
      if ((await this.#claim(next, 1, 0, space.deadlineSeconds)) === 0) return this.#markEmptied(spaceId)
    }
    for (let next = leastLoaded(fit, freeHold); next !== undefined; next = leastLoaded(fit, freeHold)) {
      if ((await this.#claim(next, 0, 1, space.deadlineSeconds)) === 0) return this.#markEmptied(spaceId)
    }
  }

  async #fill(connection: Connection, deadlineSeconds: number): Promise<void> {
    const { spaceId } = connection
    const start = halfOfSlots(connection)
    const hold = start < freeSlots(connection) ? 0 : freeHold(connection)
    if ((await this.#claim(connection, start, hold, deadlineSeconds)) < start + hold) this.#markEmptied(spaceId)
    else if (roomOf(connection) > 0) this.wake(spaceId)
  }

  /** Those not resting, or all where nobody else, here or at another node, can take their place. */
  async #fitOf(spaceId: SpaceId): Promise<readonly Connection[]> {
    const { connections, presence, now } = this.#deps
    const live = connections.liveOf(spaceId).filter(({ link }) => !link.isBehind())
    const fit = live.filter((connection) => !isResting(connection, now()))
    if (fit.length > 0 || live.length < (await presence.replicas(spaceId))) return fit
    return live
  }

  /** Unless somebody woke the space since the claim looked: then the next round looks again. */
  #markEmptied(spaceId: SpaceId): void {
    if (this.#pumps.get(spaceId)?.again !== true) this.#emptied.add(spaceId)
  }

  async #claim(connection: Connection, start: number, hold: number, deadlineSeconds: number): Promise<number> {
    // Asked anew: something was awaited since it was chosen.
    if (start + hold === 0 || !takesWork(connection)) return 0
    const claim = this.#claimAndDeliver(connection, start, hold, deadlineSeconds)
    const settled = claim.catch(() => undefined)
    this.#claiming.set(connection.spaceId, settled)
    try {
      return await claim
    } finally {
      this.#claiming.delete(connection.spaceId)
    }
  }

  async #claimAndDeliver(connection: Connection, start: number, hold: number, deadlineSeconds: number): Promise<number> {
    const { store, now, leases, onQueueChanged, onTooLate } = this.#deps
    const at = now()
    const { id: connectionId, spaceId, instance, app, renews } = connection
    const deadlineAt = at + deadlineSeconds * 1000
    connection.offered += start
    const claimed = await store.claim({ spaceId, connectionId, instance, app, renews, start, hold, at, deadlineAt }).finally(() => {
      connection.offered -= start
    })
    for (const request of claimed) handOver(leases, connection, request, deadlineSeconds)
    if (claimed.length > 0) {
      onQueueChanged(spaceId)
      // Its app may have a request before the disk does; people hear of it afterwards. Where the disk failed, nobody does.
      store.told().then(
        () => this.#announce(spaceId, claimed),
        () => undefined,
      )
    }
    // The socket closed while the claim was being committed; its release saw none of these.
    if (!isHere(connection)) await onTooLate(connection)
    return claimed.length
  }

  #announce(spaceId: SpaceId, claimed: readonly ClaimedRequest[]): void {
    const { bus } = this.#deps
    for (const { id: requestId, userId, started, events } of claimed) {
      announceEvents(bus, requestId, events)
      if (started) bus.publish({ topic: `user:${userId}`, change: 'request', requestId, spaceId, status: 'processing' })
    }
  }
}

/** Asked anew: it may have gone while something was awaited. */
function isHere({ state }: Connection): boolean {
  return state !== 'gone'
}
