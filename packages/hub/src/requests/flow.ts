import { TIMING } from '@websocket-spaces/protocol'
import type { Connection, ConnectionChange, Connections } from '../spaces/connections.ts'
import type { Presence, SpaceStore } from '../spaces/ports.ts'
import { AppendBuffer } from './append-buffer.ts'
import { Dispatcher } from './dispatch.ts'
import type { Bus, RequestStore } from './ports.ts'
import { QueueBoard } from './queue-board.ts'
import { recover, Sweeper } from './recover.ts'
import { Reports } from './report.ts'
import { Requests } from './requests.ts'

export interface FlowDeps {
  readonly store: RequestStore
  readonly spaces: Pick<SpaceStore, 'find' | 'markSeen'>
  readonly bus: Bus
  readonly connections: Connections
  readonly presence: Presence
  readonly now: () => number
  readonly onError: (message: string, error: unknown) => void
}

const LOOK_EVERY = 100

/** The way of a request, put together: what people may do, what apps may say, and what keeps it moving. */
export class Flow {
  readonly requests: Requests
  readonly reports: Reports
  readonly #deps: FlowDeps
  readonly #dispatcher: Dispatcher
  readonly #buffer: AppendBuffer
  readonly #board: QueueBoard
  readonly #sweeper: Sweeper
  readonly #unsubscribe: readonly (() => void)[]
  #telling: Promise<unknown> = Promise.resolve()
  #stopping = false

  constructor(deps: FlowDeps) {
    const board = new QueueBoard({ ...deps, onError: (error) => deps.onError('could not tell queue positions', error) })
    const buffer = new AppendBuffer(deps)
    const dispatcher = new Dispatcher({ ...deps, onQueueChanged: (id) => board.changed(id) })
    this.#deps = deps
    this.#board = board
    this.#buffer = buffer
    this.#dispatcher = dispatcher
    this.requests = new Requests({ ...deps, board, isStopping: () => this.#stopping })
    this.reports = new Reports({ ...deps, buffer, dispatcher, board })
    this.#sweeper = new Sweeper({ ...deps, dispatcher, board })
    this.#unsubscribe = [
      deps.bus.subscribe('waiting', ({ spaceId }) => dispatcher.wake(spaceId)),
      deps.bus.subscribe('ended', ({ requestId, reason }) => dispatcher.letGo(requestId, reason)),
      deps.bus.subscribe('queue', (message) => board.pass(message)),
    ]
    deps.connections.onChange((connection, change) => this.#onConnection(connection, change))
  }

  get isStopping(): boolean {
    return this.#stopping
  }

  /** Takes back what a previous run had handed out, and starts sweeping. Returns how many requests wait again. */
  async start(): Promise<number> {
    await this.#deps.presence.start()
    const recovered = await recover(this.#deps.store, this.#deps.now)
    this.#sweeper.start()
    return recovered
  }

  /** Takes and hands out nothing more, and gives apps up to `drainFor` ms to deliver what they are finishing. */
  async drain(): Promise<void> {
    this.#stopping = true
    await this.#dispatcher.stop()
    const until = performance.now() + TIMING.drainFor
    while (performance.now() < until && this.#anyRunning()) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY))
  }

  /** After {@link drain}, when all connections are closed. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#board.stop()
    await this.#dispatcher.stop()
    await this.#sweeper.stop()
    await this.#buffer.flush()
    await this.#telling
    await this.#deps.presence.stop()
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
  }

  #anyRunning(): boolean {
    return this.#deps.connections.liveOfAll().some((connection) => connection.held.values().some((held) => held.started))
  }

  #onConnection(connection: Connection, change: ConnectionChange): void {
    const { now, onError } = this.#deps
    const { spaceId } = connection
    const told = this.#tell(connection, now()).catch((error: unknown) => onError('could not store that an app came or went', error))
    this.#telling = Promise.all([this.#telling, told]).then(() => undefined)
    switch (change) {
      case 'joined':
      case 'revived':
        this.#dispatcher.wake(spaceId)
        return
      case 'silent':
        return
      case 'left':
        // While the hub stops, leases stay as they are: the next start takes them back, and no attempt is lost.
        if (this.#stopping) return
        this.#dispatcher.release(connection, 'app_lost').catch((error: unknown) => onError('could not take back requests', error))
    }
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
