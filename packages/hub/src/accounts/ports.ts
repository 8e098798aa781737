/** What accounts need of a store. Times are milliseconds since 1970. */
import type { Role, SecretId, SpaceId, UserId, UserView } from '@websocket-spaces/protocol'

/** A connect token lets an app register for a space; a key lets a program act as its user. */
export type SecretKind = 'connect' | 'key'

export interface NewSecret {
  readonly id: SecretId
  readonly kind: SecretKind
  readonly ownerId: UserId
  /** Connect tokens only; null = all spaces of the owner. */
  readonly spaceId: SpaceId | null
  readonly name: string
  readonly hint: string
  readonly hash: string
  readonly createdAt: number
}

export interface ListedSecret {
  readonly id: SecretId
  readonly name: string
  readonly hint: string
  /** `owner/name` */
  readonly space: string | null
  readonly createdAt: number
  readonly lastUsedAt: number | null
}

/** A stored secret with what must be known of its owner before it is honoured. */
export interface SecretMatch {
  readonly id: SecretId
  readonly spaceId: SpaceId | null
  readonly ownerId: UserId
  readonly ownerName: string
  readonly ownerRole: Role
  readonly ownerBanned: boolean
}

export interface SecretFilter {
  readonly kind: SecretKind
  readonly id?: SecretId
  readonly ownerId?: UserId
  readonly spaceId?: SpaceId
}

export interface SecretStore {
  /** False when its owner already has `limit` of this kind; nothing is stored then. */
  add(secret: NewSecret, limit: number): Promise<boolean>
  /** Newest first. */
  list(filter: SecretFilter): Promise<ListedSecret[]>
  /** Returns the ids that were there. */
  remove(filter: SecretFilter): Promise<SecretId[]>
  find(kind: SecretKind, hash: string): Promise<SecretMatch | null>
  markUsed(id: SecretId, at: number): Promise<void>
}

export interface Invite {
  readonly id: SecretId
  readonly note: string
  readonly hint: string
  readonly usesLeft: number
  readonly createdAt: number
  readonly expiresAt: number | null
}

export interface InviteStore {
  /** False when there are `limit` invites already. */
  add(invite: Invite & { readonly hash: string }, limit: number): Promise<boolean>
  /** Newest first. */
  list(): Promise<Invite[]>
  remove(id: SecretId): Promise<boolean>
  isValid(hash: string, now: number): Promise<boolean>
  /** Takes one use, atomically: of two who race for the last use one gets the id and the other null. */
  take(hash: string, now: number): Promise<SecretId | null>
  giveBack(id: SecretId): Promise<void>
}

export interface SettingsStore {
  get(key: string): Promise<string | null>
  /** null removes it. */
  set(key: string, value: string | null): Promise<void>
}

export interface User {
  readonly id: UserId
  /** As its owner wrote it; unique without regard to case. */
  readonly username: string
  readonly role: Role
  readonly banned: boolean
}

export interface UserPageQuery {
  readonly search: string
  /** Lower-case username after which to go on. */
  readonly after: string
  readonly limit: number
}

export interface UserDirectory {
  /** Whether nobody has an account yet. */
  isEmpty(): Promise<boolean>
  count(): Promise<number>
  find(id: UserId): Promise<User | null>
  findByName(username: string): Promise<User | null>
  /** In the order of lower-case usernames. */
  page(query: UserPageQuery): Promise<UserView[]>
  view(id: UserId): Promise<UserView | null>
  /** False, and nothing changed, when no unbanned admin would be left. */
  update(id: UserId, change: { readonly role?: Role; readonly banned?: boolean }): Promise<boolean>
  /** Accounts are made in two steps; this removes those whose second step never came: the one of this name, or all made before a time. */
  removeHalfMade(which: { readonly username: string } | { readonly before: number }): Promise<void>
  removeExpiredSessions(now: number): Promise<void>
  /** Ends the oldest sessions of a user who has more than `keep`. */
  trimSessions(id: UserId, keep: number): Promise<void>
}
