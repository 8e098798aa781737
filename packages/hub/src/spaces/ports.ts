/** A space as the hub keeps it, and what spaces need of a store. Times are milliseconds since 1970. */
import type { Category, CreateSpaceBody, InputKind, SpaceId, UpdateSpaceBody, UserId, Visibility } from '@websocket-spaces/protocol'

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
  /** With everything that belongs to it. */
  remove(id: SpaceId): Promise<void>
  find(id: SpaceId): Promise<StoredSpace | null>
  /** Owner without regard to case, name with. */
  findByName(owner: string, name: string): Promise<StoredSpace | null>
  /** All spaces of one name, whoever owns them. */
  allNamed(name: string): Promise<StoredSpace[]>
  /** Newest first. */
  page(query: SpaceQuery): Promise<StoredSpace[]>
  count(): Promise<number>
  markSeen(id: SpaceId, at: number): Promise<void>
  setCover(id: SpaceId, cover: Cover | null, at: number): Promise<void>
  cover(id: SpaceId): Promise<Cover | null>
}
