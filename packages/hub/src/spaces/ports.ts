/** A space as the hub keeps it, and what spaces need of a store. Times are milliseconds since 1970. */
import type {
  Category,
  ConnectionId,
  ConnectionView,
  CreateSpaceBody,
  ErrorCode,
  InputKind,
  SecretId,
  SpaceId,
  UpdateSpaceBody,
  UserId,
  Visibility,
} from '@websocket-spaces/protocol'
import type { Connection } from './connections.ts'

export interface StoredSpace {
  readonly id: SpaceId
  readonly ownerId: UserId
  readonly owner: string
  readonly name: string
  readonly description: string
  readonly category: Category
  readonly tags: readonly string[]
  readonly emoji: string
  readonly visibility: Visibility
  readonly inputs: readonly InputKind[]
  readonly examples: readonly string[]
  readonly maxQueue: number
  readonly minIntervalSeconds: number
  readonly dailyQuota: number
  readonly deadlineSeconds: number
  /** How often a request is started before it fails with `app_lost`. */
  readonly maxAttempts: number
  /** How long requests wait while no app is connected; 0 = they are refused then. */
  readonly holdSeconds: number
  readonly openRegistration: boolean
  readonly coverUpdatedAt: number | null
  readonly lastSeenAt: number | null
  readonly createdAt: number
  readonly updatedAt: number
}

/** What is told when somebody changes a space. */
export interface SpaceChange {
  readonly spaceId: SpaceId
  readonly ownerId: UserId
  readonly change: 'edited' | 'deleted'
  /** Whether everybody's gallery shows it, or did before. */
  readonly listed: boolean
}

export interface NewSpace {
  readonly id: SpaceId
  readonly ownerId: UserId
  readonly settings: CreateSpaceBody
  readonly at: number
}

export interface SpaceQuery {
  /** Whose listing this is: public spaces and their own; null = all, for an admin. */
  readonly visibleTo: UserId | null
  readonly search: string
  readonly category: Category | undefined
  readonly tag: string | undefined
  readonly owner: string | undefined
  /** Spaces older than this one. */
  readonly before: SpaceId | undefined
  readonly limit: number
}

export interface Cover {
  readonly mediaType: string
  readonly bytes: Uint8Array
}

export interface SpaceStore {
  /** False when the owner has one of this name already. Throws `too_many`. */
  insert(space: NewSpace, limit: number): Promise<boolean>
  /** False when the new name is taken. */
  update(id: SpaceId, change: UpdateSpaceBody, at: number): Promise<boolean>
  /** With everything that belongs to it. False, and nothing is removed, while a request in it is unfinished. */
  remove(id: SpaceId): Promise<boolean>
  find(id: SpaceId): Promise<StoredSpace | null>
  /** Owner without regard to case, name with. */
  findByName(owner: string, name: string): Promise<StoredSpace | null>
  /** All spaces of one name, whoever owns them. */
  allNamed(name: string): Promise<StoredSpace[]>
  /** Newest first. */
  page(query: SpaceQuery): Promise<StoredSpace[]>
  count(): Promise<number>
  /** Apps of these spaces were connected at that time. */
  markSeen(ids: readonly SpaceId[], at: number): Promise<void>
  setCover(id: SpaceId, cover: Cover | null, at: number): Promise<void>
  cover(id: SpaceId): Promise<Cover | null>
}

/** What other nodes know of a connection. */
export interface SharedConnection {
  readonly id: ConnectionId
  readonly spaceId: SpaceId
  /** `owner/name` at the time it registered. */
  readonly space: string
  readonly tokenId: SecretId | null
  readonly instance: string | null
  readonly sdk: string | null
  readonly address: string
  readonly transport: string
  readonly state: ConnectionView['state']
  readonly concurrency: number
  readonly prefetch: number
  readonly connectedAt: number
}

/** What one node tells the others, and hears of them. */
export interface NodeStore {
  /** This node lives, and will for the next `ttl` ms. Not known before: it just started, or was buried meanwhile. */
  beat(ttl: number): Promise<{ readonly known: boolean; /** The store's, in milliseconds since 1970. */ readonly clock: number }>
  /** This node stops; with it go its connections. */
  leave(): Promise<unknown>
  put(connections: readonly SharedConnection[]): Promise<void>
  drop(ids: readonly ConnectionId[]): Promise<void>
  /** Connections of a space that answer and take requests, on nodes that live. */
  replicas(spaceId: SpaceId): Promise<number>
  /** How many requests these may run at the same time. */
  slots(spaceId: SpaceId): Promise<number>
  /** On nodes that live, oldest first; with how many requests each holds. */
  all(): Promise<(SharedConnection & { readonly holding: number })[]>
  /** An admin shows a connection out, wherever it is. False when there is none. */
  showOut(id: ConnectionId): Promise<boolean>
  /** Connections of this node that may not stay: shown out, or their space or token is gone. */
  unwelcome(): Promise<{ readonly id: ConnectionId; readonly code: ErrorCode }[]>
  /** Removes nodes that were not heard of for their `ttl`, for good. Returns the spaces that lost apps with them. */
  bury(): Promise<SpaceId[]>
}

/** Which apps are connected, to this node or any other. */
export interface Presence {
  /** How many apps of a space answer and take requests. */
  replicas(spaceId: SpaceId): Promise<number>
  /** How many requests these may run at the same time. */
  slots(spaceId: SpaceId): Promise<number>
  all(): Promise<ConnectionView[]>
  /** Resolves when every node may know of a connection, or of what changed about it. */
  tell(connection: Connection): Promise<void>
  /** False when there is no such connection. */
  showOut(id: ConnectionId): Promise<boolean>
  start(): Promise<void>
  /** Spaces that lost apps with a node that died; of all nodes one is told. */
  bury(): Promise<readonly SpaceId[]>
  /** When all connections of this node are closed. */
  stop(): Promise<void>
}
