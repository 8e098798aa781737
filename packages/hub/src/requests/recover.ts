import { type RequestId, SpacesError, TIMING } from '@websocket-spaces/protocol'
import type { Presence } from '../spaces/ports.ts'
import { announceChange } from './announce.ts'
import { end } from './cancel.ts'
import type { Dispatcher } from './dispatch.ts'
import type { Leases } from './leases.ts'
import type { Applied, RequestStore } from './ports.ts'
import { Stranded, type StrandedDeps } from './stranded.ts'
import { returnWithin, type TakeBack } from './take-back.ts'

const BATCH = 500
/** Every so many sweeps, spaces with waiting requests are woken in case a wake-up was lost. */
const WAKE_EACH = 5

/**
 * What a node that is no more had handed out: its apps have up to `graceFor` ms to come back for what they run, all else waits
 * again. At start-up that is a previous run of this hub, later any node that died. Of nodes that do this at the same time,
 * one succeeds for each request.
 */
export async function recover({ store, graceFor, now }: RecoverDeps, onRecovered: (recovered: Recovered) => void = () => undefined) {
  let recovered = 0
  for (;;) {
    const orphans = await store.orphans(BATCH)
    for (const { id, by, renews } of orphans) {
      const at = now()
      const applied = await store.apply(id, {
        type: 'left',
        by,
        at,
        until: at + returnWithin({ renews }, graceFor),
        reason: 'hub_restarted',
      })
      if (!applied.ok || !applied.changed) continue
      recovered += 1
      onRecovered(applied)
    }
    if (orphans.length < BATCH) return recovered
  }
}

export interface RecoverDeps {
  readonly store: RequestStore
  readonly graceFor: number
  readonly now: () => number
}

type Recovered = Extract<Applied, { ok: true }>

export interface SweeperDeps extends StrandedDeps {
  readonly graceFor: number
  readonly dispatcher: Dispatcher
  readonly leases: Leases
  readonly takeBack: TakeBack
  /** Its result came in time, though it is not stored yet. */
  readonly isFinishing: (id: RequestId) => boolean
  readonly presence: Pick<Presence, 'bury' | 'replicas'>
  readonly onError: (message: string, error: unknown) => void
}

/**
 * Ends requests whose deadline has passed or for which no app came, takes back those of apps and nodes that are gone, and
 * finds missed wake-ups. One timer for all requests. All nodes sweep; each fact is applied once, and only who applied it tells.
 */
export class Sweeper {
  readonly #deps: SweeperDeps
  readonly #stranded: Stranded
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #count = 0
  /** While the store was away no app could come back: after that they have time before anything expires. */
  #awayAt = -Infinity
  #stopped = false

  constructor(deps: SweeperDeps) {
    this.#deps = deps
    this.#stranded = new Stranded(deps)
  }

  start(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#running = this.#sweep().finally(() => this.start())
    }, TIMING.sweepEvery)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #sweep(): Promise<void> {
    const { store, dispatcher, leases, takeBack, now, onError } = this.#deps
    try {
      await takeBack.retry()
      await takeBack.lapse()
      leases.beginOverlooked()
      for (const { id, seconds } of await store.overdue(now(), BATCH)) await this.#timeOut(id, seconds)
      if (performance.now() - this.#awayAt > TIMING.leaseFor) for (const id of await store.expired(now(), BATCH)) await this.#expire(id)
      await this.#bury()
      this.#count += 1
      if (this.#count % WAKE_EACH !== 0) return
      await takeBack.reconcile()
      for (const spaceId of await store.spacesWithClaimable()) dispatcher.wake(spaceId)
      await this.#stranded.sweep()
    } catch (error) {
      if (error instanceof SpacesError && error.code === 'storage_unavailable') this.#awayAt = performance.now()
      onError('sweep failed; the next one tries again', error)
    }
  }

  /** One request that cannot be ended must not keep the others from it. */
  async #timeOut(id: RequestId, seconds: number): Promise<void> {
    const { now, isFinishing, onError } = this.#deps
    if (isFinishing(id)) return
    try {
      await end(this.#deps, id, { type: 'timed_out', at: now(), seconds }, 'timeout')
    } catch (error) {
      onError('could not end a request past its deadline; the next sweep tries again', error)
    }
  }

  async #expire(id: RequestId): Promise<void> {
    const { store, now, onError } = this.#deps
    try {
      const applied = await store.apply(id, { type: 'expired', at: now() })
      if (applied.ok && applied.changed) this.#waitsAgain(applied)
    } catch (error) {
      onError('could not take back what an app did not come back for; the next sweep tries again', error)
    }
  }

  async #bury(): Promise<void> {
    const { bus, presence, spaces, now } = this.#deps
    const bereaved = await presence.bury()
    if (bereaved.length > 0) await spaces.markSeen(bereaved, now())
    for (const spaceId of bereaved) bus.publish({ topic: 'spaces', spaceId, change: 'status' })
    if (bereaved.length > 0) bus.publish({ topic: 'connections' })
    await recover(this.#deps, (recovered) => this.#waitsAgain(recovered))
  }

  #waitsAgain({ request, events }: Recovered): void {
    const { bus, board } = this.#deps
    if (events.length > 0) announceChange(bus, request, events)
    board.changed(request.spaceId)
    bus.publish({ topic: 'waiting', spaceId: request.spaceId })
  }
}
