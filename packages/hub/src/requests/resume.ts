import { type LeasedRequest, type RequestId, type ResumedRequest, TIMING } from '@websocket-spaces/protocol'
import type { Connection, Held } from '../spaces/connections.ts'
import { announceChange } from './announce.ts'
import type { AppendBuffer } from './append-buffer.ts'
import type { Leases } from './leases.ts'
import type { Phase } from './lifecycle.ts'
import type { Applied, Bus, RequestStore, StoredRequest } from './ports.ts'

/** One after the other, an app that holds many would have lost its patience before it is welcomed. */
const AT_ONCE = 50

export interface ResumeDeps {
  readonly store: RequestStore
  readonly bus: Bus
  readonly buffer: AppendBuffer
  readonly leases: Leases
  readonly now: () => number
}

/** An app is back: it goes on with what it still holds, and what it forgot waits again. */
export class Resume {
  readonly #deps: ResumeDeps

  constructor(deps: ResumeDeps) {
    this.#deps = deps
  }

  /**
   * To be called before the connection is one: what it is given must be its own when its first report arrives.
   * When this throws, the connection may hold some of it and is to be released.
   */
  async join(connection: Connection, named: readonly LeasedRequest[], deadlineSeconds: number): Promise<ResumedRequest[]> {
    // What arrived over the old connection comes before what is said over the new one.
    await this.#deps.buffer.flush()
    const former = new Set(named.flatMap((one) => this.#holderOf(one) ?? []))
    const resumed: ResumedRequest[] = []
    for (let first = 0; first < named.length; first += AT_ONCE) {
      const some = named.slice(first, first + AT_ONCE)
      const answers = await Promise.allSettled(some.map((one) => this.#resume(connection, one, deadlineSeconds)))
      for (const answer of answers) {
        if (answer.status === 'rejected') throw answer.reason
        const request = answer.value
        if (request !== null) resumed.push({ request_id: request.id, output_chars: request.outputChars })
      }
    }
    // Whoever holds its leases was the app itself, over a socket that it has given up: nothing is to be handed to that any more.
    for (const one of former) one.link.close('already_registered', true)
    await this.#takeBackForgotten(connection)
    return resumed
  }

  /** After the app has heard what it may go on with: what of it somebody canceled meanwhile. */
  async tellCanceled(resumed: readonly ResumedRequest[]): Promise<void> {
    for (const { request_id: id } of resumed) {
      const request = await this.#deps.store.find(id)
      if (request?.phase.at === 'canceling') this.#deps.leases.askToStop(id)
    }
  }

  /**
   * The app still works on these; returns those that are not its own. Not one that was just handed to it anew: it would take
   * that for lost, since what it is told names no lease.
   */
  renew(connection: Connection, named: readonly LeasedRequest[]): RequestId[] {
    const now = performance.now()
    return named.flatMap(({ request_id: id, lease_id: lease }) => {
      const held = connection.held.get(id)
      if (held === undefined) return [id]
      if (held.leaseId === lease) held.renewedAt = now
      return []
    })
  }

  #holderOf({ request_id: id, lease_id: lease }: LeasedRequest): Connection | undefined {
    const holding = this.#deps.leases.find(id)
    return holding?.held.leaseId === lease ? holding.connection : undefined
  }

  async #resume(
    connection: Connection,
    { request_id: id, lease_id: leaseId }: LeasedRequest,
    seconds: number,
  ): Promise<StoredRequest | null> {
    const { store, leases, now } = this.#deps
    const { id: connectionId, instance, app, renews, spaceId } = connection
    const known = await store.find(id)
    if (known === null || known.spaceId !== spaceId) return null
    const applied = await store.apply(id, { type: 'resumed', leaseId, at: now(), to: { connectionId, instance, app, renews } })
    if (!applied.ok) return null
    leases.give(connection, heldAgain(applied.request, leaseId, seconds))
    return applied.request
  }

  /** Of what this app was running when it vanished, the rest. An app of several processes may be about to name it. */
  async #takeBackForgotten({ spaceId, app, renews }: Connection): Promise<void> {
    const { store, now } = this.#deps
    for (const { id, by, reason } of await store.away(spaceId, app)) {
      const at = now()
      if (renews) await store.apply(id, { type: 'left', by, at, until: at + TIMING.resumeWithin, reason })
      else this.#tell(await store.apply(id, { type: 'lost', by, at, reason }))
    }
  }

  #tell(applied: Applied): void {
    if (!applied.ok || !applied.changed) return
    announceChange(this.#deps.bus, applied.request, applied.events)
    this.#deps.bus.publish({ topic: 'waiting', spaceId: applied.request.spaceId })
  }
}

function heldAgain({ id, phase }: StoredRequest, leaseId: Held['leaseId'], seconds: number): Held {
  return {
    requestId: id,
    leaseId,
    started: isBegun(phase),
    renewedAt: performance.now(),
    arrivals: Promise.resolve(),
    deadlineSeconds: seconds,
  }
}

function isBegun(phase: Phase): boolean {
  return phase.at === 'running' || phase.at === 'canceling'
}
