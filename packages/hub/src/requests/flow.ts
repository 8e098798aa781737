import { type ConnectionId, type SpaceId, TIMING } from '@websocket-spaces/protocol'
import type { Connection, ConnectionChange, Connections, Departure } from '../spaces/connections.ts'
import type { Presence, SpaceStore } from '../spaces/ports.ts'
import { AppendBuffer } from './append-buffer.ts'
import { Dispatcher } from './dispatch.ts'
import { Forecasts } from './forecasts.ts'
import { Leases } from './leases.ts'
import { Offers } from './offers.ts'
import type { Bus, RequestStore } from './ports.ts'
import { QueueBoard } from './queue-board.ts'
import { recover, Sweeper } from './recover.ts'
import { Reports } from './report.ts'
import { Requests } from './requests.ts'
import { Resume } from './resume.ts'
import { TakeBack } from './take-back.ts'

export interface FlowDeps {
  readonly store: RequestStore
  readonly spaces: Pick<SpaceStore, 'find' | 'markSeen'>
  readonly bus: Bus
  readonly connections: Connections
  readonly presence: Presence
  /** Milliseconds in which an app that vanished may come back for what it runs. */
  readonly graceFor: number
  readonly now: () => number
  readonly onError: (message: string, error: unknown) => void
}

const LOOK_EVERY = 100
/** Milliseconds; an app that is sent back comes at once. */
const SEND_BACK_AFTER = 1_000

/** The way of a request, put together: what people may do, what apps may say, and what keeps it moving. */
export class Flow {
  readonly requests: Requests
  readonly reports: Reports
  readonly resume: Resume
  readonly #deps: FlowDeps
  readonly #dispatcher: Dispatcher
  readonly #offers: Offers
  readonly #takeBack: TakeBack
  readonly #buffer: AppendBuffer
  readonly #board: QueueBoard
  readonly #sweeper: Sweeper
  readonly #unsubscribe: readonly (() => void)[]
  #telling: Promise<unknown> = Promise.resolve()
  readonly #sendingBack = new Map<ConnectionId, NodeJS.Timeout>()
  /** Connections that are gone, until all they said is stored or refused. */
  readonly #parting = new Map<ConnectionId, Connection>()
  readonly #releasing = new Set<Promise<void>>()
  #stopping = false

  constructor(deps: FlowDeps) {
    const forecasts = new Forecasts(deps)
    const board = new QueueBoard({ ...deps, forecasts, onError: (error) => deps.onError('could not tell queue positions', error) })
    const buffer = new AppendBuffer({ ...deps, askAgain: (id) => this.#sendBack(id) })
    const onQueueChanged = (id: SpaceId): void => board.changed(id)
    const leases = new Leases({ ...deps, onQueueChanged, onFreed: (id) => dispatcher.freed(id) })
    const takeBack = new TakeBack({ ...deps, leases, onQueueChanged })
    const onTooLate = (connection: Connection): Promise<void> => takeBack.returnUnsent(connection)
    const dispatcher = new Dispatcher({ ...deps, leases, onTooLate, onQueueChanged })
    const offers = new Offers({ ...deps, leases, onTooLate: (connection) => this.#follow(onTooLate(connection)) })
    this.#deps = deps
    this.#offers = offers
    this.#board = board
    this.#buffer = buffer
    this.#dispatcher = dispatcher
    this.#takeBack = takeBack
    this.requests = new Requests({ ...deps, offers, board, forecasts, isStopping: () => this.#stopping })
    this.reports = new Reports({ ...deps, buffer, leases, board })
    this.resume = new Resume({ ...deps, buffer, leases })
    this.#sweeper = new Sweeper({ ...deps, dispatcher, leases, takeBack, board, isFinishing: (id) => this.reports.isFinishing(id) })
    this.#unsubscribe = [
      deps.bus.subscribe('waiting', ({ spaceId }) => dispatcher.wake(spaceId)),
      deps.bus.subscribe('canceling', ({ requestId }) => leases.askToStop(requestId)),
      deps.bus.subscribe('ended', ({ requestId, reason }) => leases.letGo(requestId, reason)),
      deps.bus.subscribe('queue', (message) => board.pass(message)),
    ]
    deps.connections.onChange((connection, change) => this.#onConnection(connection, change))
  }

  get isStopping(): boolean {
    return this.#stopping
  }

  /** Looks after what a previous run had handed out, and starts sweeping. Returns how many requests that was. */
  async start(): Promise<number> {
    await this.#deps.presence.start()
    const recovered = await recover(this.#deps)
    this.#sweeper.start()
    return recovered
  }

  /** An app will leave. Resolves when it will be handed nothing more: what was on its way to it has been sent. */
  async drainApp(connection: Connection): Promise<void> {
    this.#deps.connections.drain(connection)
    await this.#handedOut(connection.spaceId)
  }

  /**
   * Takes and hands out nothing more. Apps that can go on elsewhere are sent there; the others get up to `drainFor` ms
   * to deliver what they are finishing.
   */
  async drain(): Promise<void> {
    this.#stopping = true
    await Promise.all([this.#dispatcher.stop(), this.#offers.stop()])
    this.#deps.connections.close(({ renews }) => renews, 'shutting_down', true)
    const until = performance.now() + TIMING.drainFor
    while (performance.now() < until && this.#anyRunning()) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY))
  }

  /** After {@link drain}, when all connections are closed. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#board.stop()
    for (const timer of this.#sendingBack.values()) clearTimeout(timer)
    await Promise.all([this.#dispatcher.stop(), this.#offers.stop()])
    await this.#sweeper.stop()
    await this.#buffer.flush()
    await this.#telling
    await Promise.all(this.#releasing)
    await this.#deps.presence.stop()
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
  }

  /** Resolves when what is on its way to apps of a space has been sent to them. */
  async #handedOut(spaceId: SpaceId): Promise<void> {
    await Promise.all([this.#dispatcher.handedOut(spaceId), this.#offers.settled(spaceId)])
  }

  #anyRunning(): boolean {
    return this.#deps.connections.all().some((connection) => connection.held.values().some((held) => held.started))
  }

  #onConnection(connection: Connection, change: ConnectionChange): void {
    const { now, onError } = this.#deps
    const told = this.#tell(connection, now()).catch((error: unknown) => onError('could not store that an app came or went', error))
    this.#telling = Promise.all([this.#telling, told]).then(() => undefined)
    switch (change) {
      case 'joined':
      case 'revived':
        this.#dispatcher.wake(connection.spaceId)
        return
      case 'silent':
        return
      case 'draining':
        this.#follow(this.#handedOut(connection.spaceId).then(() => this.#takeBack.returnUnbegun(connection)))
        return
      case 'left':
      case 'broke_off':
      case 'sent_on':
        // While the hub stops, no app is to blame for going.
        this.#follow(this.#part(connection, this.#stopping ? 'sent_on' : change))
    }
  }

  async #part(connection: Connection, departure: Departure): Promise<void> {
    this.#parting.set(connection.id, connection)
    await this.#takeBack.release(connection, departure)
    await this.#buffer.flush()
    this.#parting.delete(connection.id)
    this.#buffer.forget(connection.id)
  }

  /** An app that can say again what could not be stored is sent to do so, when the store may have recovered. */
  #sendBack(id: ConnectionId): boolean {
    const here = this.#deps.connections.get(id)
    // One that is gone will be back by itself.
    if (here === undefined) return this.#parting.get(id)?.renews === true
    if (!here.renews) return false
    if (this.#sendingBack.has(id)) return true
    const close = (): void => {
      this.#sendingBack.delete(id)
      this.#deps.connections.get(id)?.link.close('storage_unavailable', true)
    }
    this.#sendingBack.set(id, setTimeout(close, SEND_BACK_AFTER))
    return true
  }

  #follow(release: Promise<void>): void {
    this.#releasing.add(release)
    release
      .catch((error: unknown) => this.#deps.onError('could not take back requests', error))
      .finally(() => this.#releasing.delete(release))
  }

  /** Pages of all nodes are told when they can read it. */
  async #tell(connection: Connection, at: number): Promise<void> {
    const { spaces, presence, bus } = this.#deps
    const { spaceId } = connection
    try {
      await Promise.all([presence.tell(connection), spaces.markSeen([spaceId], at)])
    } finally {
      bus.publish({ topic: 'connections' })
      bus.publish({ topic: 'spaces', spaceId, change: 'status' })
    }
  }
}
