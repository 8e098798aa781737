import {
  type ConnectionId,
  type ErrorCode,
  type InferenceCancel,
  type InferenceRequest,
  type LeaseId,
  type RequestId,
  type SecretId,
  type SpaceId,
} from '@websocket-spaces/protocol'

/** How the hub speaks to one app; the gateway implements it over a socket. Sending never waits. */
export interface AppLink {
  deliver(request: InferenceRequest): void
  cancel(id: RequestId, reason: InferenceCancel['reason']): void
  /** Says why and closes. `reconnect` tells the app whether coming back makes sense. */
  close(code: ErrorCode, reconnect: boolean): void
  /** Whether so much was handed to it that it has not read yet that it should not be handed more. */
  isBehind(): boolean
  /** `websocket` or `polling`. */
  transport(): string
}

/** A request this connection holds. `started` = running; otherwise it waits in the app's own queue. */
export interface Held {
  readonly requestId: RequestId
  readonly leaseId: LeaseId
  started: boolean
  /** When the app last said that it works on it, as of performance.now(). */
  renewedAt: number
  /** Settles when every report that arrived so far is taken; never rejects. */
  arrivals: Promise<void>
  /** Seconds it may run once started. */
  readonly deadlineSeconds: number
}

export interface Connection {
  readonly id: ConnectionId
  readonly spaceId: SpaceId
  /** `owner/name` at the time it registered. */
  readonly space: string
  /** What it registered with; null where the space lets anyone. */
  readonly tokenId: SecretId | null
  readonly instance: string | null
  /** The same for every connection of one app: its token, and its instance or else its address. */
  readonly app: string
  /** Whether it renews its leases, and says what it resumes. */
  readonly renews: boolean
  readonly sdk: string | null
  readonly address: string
  readonly concurrency: number
  readonly prefetch: number
  readonly connectedAt: number
  readonly link: AppLink
  /** In order of hand-over. */
  readonly held: Map<RequestId, Held>
  /** How many of them run. */
  running: number
  /** Slots kept free for what the store may just be handing to it. */
  offered: number
  /** `silent` = its heartbeat stopped: nothing new for it, but it keeps what it holds and may come back. */
  state: 'connected' | 'silent' | 'gone'
  /** It finishes what it has and leaves. */
  draining: boolean
  /** Failed results in a row. */
  failures: number
  /** It failed too often; milliseconds since 1970. */
  restingUntil: number
}

/** Which connections are meant, in words that other nodes understand. */
export type ConnectionChoice =
  | { readonly connectionId: ConnectionId }
  | { readonly tokenIds: readonly SecretId[] }
  | { readonly spaceId: SpaceId; readonly tokenless: boolean }

/** How a connection ended: it took leave or was shown out; it broke off; this node sent it elsewhere. */
export type Departure = 'left' | 'broke_off' | 'sent_on'
export type ConnectionChange = 'joined' | 'silent' | 'revived' | 'draining' | Departure

/** The apps connected to this process. */
export class Connections {
  readonly #byId = new Map<ConnectionId, Connection>()
  readonly #bySpace = new Map<SpaceId, Set<Connection>>()
  readonly #listeners = new Set<(connection: Connection, change: ConnectionChange) => void>()

  onChange(listener: (connection: Connection, change: ConnectionChange) => void): void {
    this.#listeners.add(listener)
  }

  add(connection: Connection): void {
    this.#byId.set(connection.id, connection)
    const siblings = this.#bySpace.get(connection.spaceId) ?? new Set()
    this.#bySpace.set(connection.spaceId, siblings.add(connection))
    this.#tell(connection, 'joined')
  }

  /** The socket closed. What it held is for the listeners to take back. */
  remove(connection: Connection, departure: Departure): void {
    if (!this.#byId.delete(connection.id)) return
    const siblings = this.#bySpace.get(connection.spaceId)
    siblings?.delete(connection)
    if (siblings?.size === 0) this.#bySpace.delete(connection.spaceId)
    connection.state = 'gone'
    this.#tell(connection, departure)
  }

  setSilent(connection: Connection, silent: boolean): void {
    const state = silent ? 'silent' : 'connected'
    if (connection.state === 'gone' || connection.state === state) return
    connection.state = state
    this.#tell(connection, silent ? 'silent' : 'revived')
  }

  drain(connection: Connection): void {
    if (connection.draining) return
    connection.draining = true
    this.#tell(connection, 'draining')
  }

  get(id: ConnectionId): Connection | undefined {
    return this.#byId.get(id)
  }

  all(): readonly Connection[] {
    return [...this.#byId.values()]
  }

  ofSpace(spaceId: SpaceId): readonly Connection[] {
    return [...(this.#bySpace.get(spaceId) ?? [])]
  }

  /** Those that may be handed requests. */
  liveOf(spaceId: SpaceId): readonly Connection[] {
    return this.ofSpace(spaceId).filter(takesWork)
  }

  close(which: (connection: Connection) => boolean, code: ErrorCode, reconnect: boolean): void {
    for (const connection of this.all()) if (which(connection)) connection.link.close(code, reconnect)
  }

  #tell(connection: Connection, change: ConnectionChange): void {
    for (const listener of this.#listeners) listener(connection, change)
  }
}

export function isChosen(connection: Connection, choice: ConnectionChoice): boolean {
  if ('connectionId' in choice) return connection.id === choice.connectionId
  if ('tokenIds' in choice) return connection.tokenId !== null && choice.tokenIds.includes(connection.tokenId)
  return connection.spaceId === choice.spaceId && (!choice.tokenless || connection.tokenId === null)
}

/** Whether it answers its heartbeat, and is not about to leave. */
export function takesWork({ state, draining }: Connection): boolean {
  return state === 'connected' && !draining
}
