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
  /** `websocket` or `polling`. */
  transport(): string
}

/** A request this connection holds. `started` = running; otherwise it waits in the app's own queue. */
export interface Held {
  readonly requestId: RequestId
  readonly leaseId: LeaseId
  started: boolean
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
  readonly sdk: string | null
  readonly address: string
  readonly concurrency: number
  readonly prefetch: number
  readonly connectedAt: number
  readonly link: AppLink
  /** In order of hand-over. */
  readonly held: Map<RequestId, Held>
  /** `silent` = its heartbeat stopped: nothing new for it, but it keeps what it holds and may come back. */
  state: 'connected' | 'silent' | 'gone'
}

/** Which connections are meant, in words that other nodes understand. */
export type ConnectionChoice =
  | { readonly connectionId: ConnectionId }
  | { readonly tokenIds: readonly SecretId[] }
  | { readonly spaceId: SpaceId; readonly tokenless: boolean }

export type ConnectionChange = 'joined' | 'silent' | 'revived' | 'left'

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
  remove(connection: Connection): void {
    if (!this.#byId.delete(connection.id)) return
    const siblings = this.#bySpace.get(connection.spaceId)
    siblings?.delete(connection)
    if (siblings?.size === 0) this.#bySpace.delete(connection.spaceId)
    connection.state = 'gone'
    this.#tell(connection, 'left')
  }

  setSilent(connection: Connection, silent: boolean): void {
    const state = silent ? 'silent' : 'connected'
    if (connection.state === 'gone' || connection.state === state) return
    connection.state = state
    this.#tell(connection, silent ? 'silent' : 'revived')
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

  liveOfAll(): readonly Connection[] {
    return this.all().filter((connection) => connection.state === 'connected')
  }

  /** Those that answer their heartbeat. */
  liveOf(spaceId: SpaceId): readonly Connection[] {
    return this.ofSpace(spaceId).filter((connection) => connection.state === 'connected')
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

export function runningOn(connection: Connection): number {
  let running = 0
  for (const held of connection.held.values()) if (held.started) running += 1
  return running
}
