/**
 * Presence where there are several nodes. Each keeps one row for itself, which expires unless it is renewed, and one
 * for every app connected to it. Rows of an expired node count for nothing; another node removes them for good, and
 * from then on what that node had handed out is anybody's to take back.
 */
import { type ConnectionId, type ConnectionView, type SpaceId, TIMING } from '@websocket-spaces/protocol'
import { ClockWatch } from './clock-watch.ts'
import { toShared, viewConnection } from './connection-view.ts'
import type { Connection, Connections } from './connections.ts'
import type { NodeStore, Presence, SharedConnection } from './ports.ts'

/** Every so many beats, connections are looked through for those whose closing did not come through. */
const LOOK_EACH = 5
/** Connections in one statement. */
const AT_ONCE = 1_000

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
  /** The connections of this node that the store has, and how. */
  readonly #told = new Map<ConnectionId, { readonly connection: Connection; readonly as: string }>()
  /** To be looked at by the next write. */
  #changed = new Map<ConnectionId, Connection>()
  #writing: Promise<void> = Promise.resolve()
  /** Begins when the one under way has ended; for all who ask until then. */
  #nextWrite: Promise<void> | undefined
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
    this.#changed.set(connection.id, connection)
    await this.#write()
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
    await (this.#nextWrite ?? this.#writing).catch(() => undefined)
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
      this.#lookAtAll()
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

  /** Finds what nobody told, such as a rest that is over, and what could not be stored before. */
  #lookAtAll(): void {
    for (const { connection } of this.#told.values()) this.#changed.set(connection.id, connection)
    for (const connection of this.#deps.connections.all()) this.#changed.set(connection.id, connection)
  }

  /** Brings the store up to date with what changed here. One at a time, so that the newest state is written last. */
  async #write(): Promise<void> {
    this.#nextWrite ??= this.#writeAfter(this.#writing)
    return this.#nextWrite
  }

  async #writeAfter(before: Promise<void>): Promise<void> {
    await before.catch(() => undefined)
    this.#nextWrite = undefined
    this.#writing = this.#writeChanges()
    return this.#writing
  }

  async #writeChanges(): Promise<void> {
    const { nodes } = this.#deps
    const looked = [...this.#changed.values()]
    this.#changed = new Map()
    const here = looked.filter(({ state }) => state !== 'gone').map((connection) => ({ connection, shared: toShared(connection) }))
    const changed = here.filter(({ connection, shared }) => this.#told.get(connection.id)?.as !== changing(shared))
    const gone = looked.filter(({ id, state }) => state === 'gone' && this.#told.has(id)).map(({ id }) => id)
    for (const some of batches(changed)) {
      await nodes.put(some.map(({ shared }) => shared))
      for (const { connection, shared } of some) this.#told.set(connection.id, { connection, as: changing(shared) })
    }
    for (const some of batches(gone)) {
      await nodes.drop(some)
      for (const id of some) this.#told.delete(id)
    }
  }
}

/** All that may change of a connection. */
function changing({ state, transport }: SharedConnection): string {
  return `${state} ${transport}`
}

function batches<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, index) => all.slice(index * AT_ONCE, (index + 1) * AT_ONCE))
}
