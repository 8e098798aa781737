/**
 * Presence where there are several nodes. Each keeps one row for itself, which expires unless it is renewed, and one
 * for every app connected to it. Rows of an expired node count for nothing; another node removes them for good, and
 * from then on what that node had handed out is anybody's to take back.
 */
import { type ConnectionId, type ConnectionView, type SpaceId, TIMING } from '@websocket-spaces/protocol'
import { ClockWatch } from './clock-watch.ts'
import { toShared, viewConnection } from './connection-view.ts'
import type { Connection, Connections } from './connections.ts'
import type { NodeStore, Presence } from './ports.ts'

/** Every so many beats, connections are looked through for those whose closing did not come through. */
const LOOK_EACH = 5

export interface SharedPresenceDeps {
  readonly nodes: NodeStore
  readonly connections: Connections
  readonly now: () => number
  /** This node's clock is not the database's; by how many milliseconds it is ahead, or behind if that is below 0. */
  readonly onClockOff: (ahead: number) => void
  readonly onError: (message: string, error: unknown) => void
}

export class SharedPresence implements Presence {
  readonly #deps: SharedPresenceDeps
  readonly #clock: ClockWatch
  /** What the store has of this node's connections, as JSON. */
  readonly #told = new Map<ConnectionId, string>()
  readonly #arriving = new Map<ConnectionId, Connection>()
  #writing: Promise<void> = Promise.resolve()
  /** A write comes after the one under way, of all that is known when it begins. */
  #isNextPlanned = false
  #timer: NodeJS.Timeout | undefined
  #beating: Promise<void> = Promise.resolve()
  #beats = 0
  /** Since when beats came without a break. Whoever was away itself cannot tell who is dead. */
  #steadySince = Infinity
  #lastBeat = -Infinity
  #stopped = false

  constructor(deps: SharedPresenceDeps) {
    this.#deps = deps
    this.#clock = new ClockWatch(deps.onClockOff)
  }

  replicas(spaceId: SpaceId): Promise<number> {
    return this.#deps.nodes.replicas(spaceId)
  }

  slots(spaceId: SpaceId): Promise<number> {
    return this.#deps.nodes.slots(spaceId)
  }

  async all(): Promise<ConnectionView[]> {
    return (await this.#deps.nodes.all()).map(viewConnection)
  }

  async tell(connection: Connection): Promise<void> {
    // Before it is registered here: an app that was welcomed must be known everywhere.
    if (connection.state !== 'gone') this.#arriving.set(connection.id, connection)
    try {
      await this.#write()
    } finally {
      this.#arriving.delete(connection.id)
    }
  }

  showOut(id: ConnectionId): Promise<boolean> {
    return this.#deps.nodes.showOut(id)
  }

  async start(): Promise<void> {
    await this.#sayAlive()
    this.#lastBeat = performance.now()
    this.#steadySince = this.#lastBeat
    this.#schedule()
  }

  async bury(): Promise<readonly SpaceId[]> {
    return performance.now() - this.#steadySince > TIMING.nodeSilence ? this.#deps.nodes.bury() : []
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#beating
    await this.#writing.catch(() => undefined)
    await this.#deps.nodes.leave().catch((error: unknown) => this.#deps.onError('could not take leave of the other nodes', error))
  }

  #schedule(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#beating = this.#beat().finally(() => this.#schedule())
    }, TIMING.nodeBeatEvery)
  }

  async #beat(): Promise<void> {
    try {
      const known = await this.#sayAlive()
      const now = performance.now()
      if (!known || now - this.#lastBeat > TIMING.nodeSilence) this.#steadySince = now
      this.#lastBeat = now
      if (!known) this.#startAnew()
      await this.#write()
      this.#beats += 1
      if (this.#beats % LOOK_EACH === 0) await this.#closeUnwelcome()
    } catch (error) {
      this.#deps.onError('could not tell the other nodes that this one lives', error)
    }
  }

  /** Whether this node was known before. */
  async #sayAlive(): Promise<boolean> {
    const { nodes, now } = this.#deps
    const asked = now()
    const { known, clock } = await nodes.beat(TIMING.nodeSilence)
    this.#clock.compare(asked, clock, now())
    return known
  }

  /** Others took this node for dead and took its requests back: its apps had better begin again, too. */
  #startAnew(): void {
    this.#told.clear()
    this.#deps.connections.close(() => true, 'shutting_down', true)
  }

  async #closeUnwelcome(): Promise<void> {
    const { nodes, connections } = this.#deps
    if (connections.all().length === 0) return
    for (const { id, code } of await nodes.unwelcome()) connections.get(id)?.link.close(code, false)
  }

  /**
   * Brings the store up to date with what is connected here. One at a time, so that the newest state is written last; all
   * who ask meanwhile share the next, so that they do not wait one after the other for a store that does not answer.
   */
  async #write(): Promise<void> {
    if (!this.#isNextPlanned) {
      this.#isNextPlanned = true
      this.#writing = this.#writing.then(
        () => this.#writeChanges(),
        () => this.#writeChanges(),
      )
      this.#writing.catch(() => undefined)
    }
    await this.#writing
  }

  async #writeChanges(): Promise<void> {
    this.#isNextPlanned = false
    const { nodes, connections } = this.#deps
    const here = new Map(this.#arriving)
    for (const connection of connections.all()) here.set(connection.id, connection)
    const current = [...here.values()].map(toShared)
    const changed = current.filter((connection) => this.#told.get(connection.id) !== JSON.stringify(connection))
    const gone = [...this.#told.keys()].filter((id) => !here.has(id))
    await nodes.put(changed)
    for (const connection of changed) this.#told.set(connection.id, JSON.stringify(connection))
    await nodes.drop(gone)
    for (const id of gone) this.#told.delete(id)
  }
}
