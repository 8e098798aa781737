/** What the flow of a request needs from outside: a store that is the truth, and a bus that only saves waiting. */
import type {
  ErrorCode,
  Eta,
  FollowItem,
  InferenceCancel,
  LeaseId,
  Priority,
  RequestError,
  RequestEvent,
  RequestId,
  RequestInput,
  RequestResult,
  RequestStatus,
  SpaceId,
  UserId,
} from '@websocket-spaces/protocol'
import type { ConnectionChoice } from '../spaces/connections.ts'
import type { SpaceChange } from '../spaces/ports.ts'
import type { Fact, Holder, Lease, LeaseRef, LossReason, Phase } from './lifecycle.ts'

export interface StoredRequest {
  readonly id: RequestId
  readonly spaceId: SpaceId
  /** `owner/name` */
  readonly space: string
  readonly spaceOwnerId: UserId
  readonly userId: UserId
  readonly username: string
  readonly phase: Phase
  readonly priority: Priority
  readonly input: RequestInput
  readonly result: RequestResult | null
  readonly error: RequestError | null
  readonly progress: number | null
  readonly attempt: number
  readonly losses: number
  /** How often that may happen, by the space's settings. */
  readonly maxAttempts: number
  readonly lastSeq: number
  /** Characters of output stored in this attempt. */
  readonly outputChars: number
  readonly instance: string | null
  readonly createdAt: number
  readonly startedAt: number | null
  readonly deadlineAt: number | null
  readonly finishedAt: number | null
}

export interface NewRequest {
  readonly id: RequestId
  readonly spaceId: SpaceId
  readonly userId: UserId
  readonly priority: Priority
  readonly input: RequestInput
  readonly createdAt: number
}

/** Makes a repeated submit the same request. `fingerprint` tells whether it really asks for the same. */
export interface SubmitKey {
  readonly key: string
  readonly fingerprint: string
}

/** Checked and kept in one transaction with the insert. 0 = no limit, `maxQueue` excepted. */
export interface SubmitLimits {
  readonly maxQueue: number
  readonly minIntervalSeconds: number
  readonly dailyQuota: number
}

/** A free slot for a request that nobody waits before: it begins there in the transaction that accepts it. Times in milliseconds. */
export interface Offer extends Holder {
  readonly leaseId: LeaseId
  readonly at: number
  readonly deadlineAt: number
}

export interface InsertOptions {
  readonly key?: SubmitKey | undefined
  readonly offer?: Offer | undefined
  /** Called once any claim that begins from then on comes after it: perhaps before it is committed. */
  readonly onPlaced?: (() => void) | undefined
  /** Called once it is committed: perhaps before the disk has it. */
  readonly onCommitted?: ((inserted: Inserted) => void) | undefined
  /**
   * Called once the disk has it, which the insert then does not wait for: for whoever is told nothing before the request
   * has ended. Whatever is read, or stored later and waited for, lasts only if this does.
   */
  readonly onLasting?: ((inserted: Inserted) => void) | undefined
}

export interface Inserted {
  /** That of the first request made with the same key, if there was one. */
  readonly id: RequestId
  /** Whether it took the slot it was offered. */
  readonly begun: boolean
}

/** A hand-over: up to `start` requests begin at once, up to `hold` more wait in the app's own queue. */
export interface Claim extends Holder {
  readonly spaceId: SpaceId
  readonly start: number
  readonly hold: number
  readonly at: number
  readonly deadlineAt: number
}

export interface ClaimedRequest {
  readonly id: RequestId
  readonly leaseId: LeaseId
  readonly userId: UserId
  readonly username: string
  readonly input: RequestInput
  readonly attempt: number
  readonly createdAt: number
  readonly started: boolean
  /** The events its start added, to be published. */
  readonly events: readonly RequestEvent[]
}

/** A report without its number and time, which the store gives. */
export type Report =
  | { readonly type: 'progress'; readonly progress: number; readonly message?: string }
  | { readonly type: 'output'; readonly text: string }
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warning' | 'error'; readonly line: string }

export interface Append {
  readonly requestId: RequestId
  readonly by: LeaseRef
  readonly reports: readonly Report[]
}

export type Appended = { readonly ok: true; readonly events: readonly RequestEvent[] } | { readonly ok: false; readonly code: ErrorCode }

export type Applied =
  | { readonly ok: true; readonly changed: boolean; readonly request: StoredRequest; readonly events: readonly RequestEvent[] }
  | { readonly ok: false; readonly code: ErrorCode; readonly request: StoredRequest | null }

export interface RequestPageQuery {
  readonly spaceId?: SpaceId
  readonly userId?: UserId
  /** Requests older than this one. */
  readonly before?: RequestId
  readonly limit: number
}

/** Finished requests that are to be deleted. */
export interface Pruning {
  readonly finishedBefore: number
  /** Of this space only. */
  readonly spaceId?: SpaceId
}

export interface QueueCounts {
  readonly queued: number
  readonly processing: number
}

/** A request that somebody holds. */
export interface Leased {
  readonly id: RequestId
  readonly by: LeaseRef
}

/** How long requests of a space take. Milliseconds, and milliseconds since 1970. */
export interface Pace {
  /** Of those completed last. */
  readonly durations: readonly number[]
  /** Of those that run now. */
  readonly startedAt: readonly number[]
}

export interface RequestStore {
  /** Commits a request with its first events. Throws `queue_full`, `too_fast`, `quota_exceeded`, `space_not_found`, `key_reused`. */
  insert(request: NewRequest, limits: SubmitLimits, options?: InsertOptions): Promise<Inserted>
  /** The request a key made, if any. Throws `key_reused` when it was made of something else. */
  findByKey(where: Pick<NewRequest, 'userId' | 'spaceId'>, key: SubmitKey): Promise<RequestId | null>
  /** Hands the next waiting requests of a space to a connection: by priority, then users in turn; each under a lease of its own. */
  claim(claim: Claim): Promise<ClaimedRequest[]>
  /** Resolves when whoever submitted what was claimed so far has been told that it is accepted. Rejects when the disk failed. */
  told(): Promise<void>
  /**
   * Applies one fact by the rules of the lifecycle. `last` = how the request was last known to stand, if it was: spares
   * reading it where nothing has happened since. The answer may then have the names of that time.
   */
  apply(id: RequestId, fact: Fact, last?: StoredRequest): Promise<Applied>
  /** Adds reports to the logs of requests, all in one transaction; answers in the order asked. */
  append(batch: readonly Append[], at: number): Promise<Appended[]>
  find(id: RequestId): Promise<StoredRequest | null>
  /** Newest first; without their results. */
  page(query: RequestPageQuery): Promise<StoredRequest[]>
  /** In order of their numbers, those after `after`. */
  events(id: RequestId, after: number, limit: number): Promise<RequestEvent[]>
  /** As `events`, but only those of type `status` and `result`: how the request fared. */
  milestones(id: RequestId): Promise<RequestEvent[]>
  /** What waits in a space, next first: what apps have in their own queues, then by priority and turn. */
  waiting(spaceId: SpaceId, limit: number): Promise<RequestId[]>
  /** How many of its space wait before this request. */
  waitingBefore(id: RequestId): Promise<number>
  pace(spaceId: SpaceId): Promise<Pace>
  counts(spaceId: SpaceId): Promise<QueueCounts>
  totals(since: number): Promise<QueueCounts & { readonly finished: number }>
  /** Running requests whose deadline has passed, with the seconds they were given; those at other living nodes only when it passed `storeResultFor` ago. */
  overdue(at: number, limit: number): Promise<{ readonly id: RequestId; readonly seconds: number }[]>
  /** What apps connected to this node hold. */
  held(): Promise<(Leased & { readonly isCanceling: boolean })[]>
  /** What is held by connections of nodes that are no more. */
  orphans(limit: number): Promise<(Leased & Pick<Lease, 'renews'>)[]>
  /** What an app held when its connection broke off, and may still come back for. */
  away(spaceId: SpaceId, app: string): Promise<(Leased & { readonly reason: LossReason })[]>
  /** Held by apps that did not come back in time. */
  expired(at: number, limit: number): Promise<RequestId[]>
  /** Unfinished requests of a space, oldest first. */
  unfinished(spaceId: SpaceId, limit: number): Promise<RequestId[]>
  /** Spaces of which neither an app nor, for its oldest request, an acceptance is as recent as the `seconds` they hold requests. */
  strandedSpaces(at: number): Promise<{ readonly spaceId: SpaceId; readonly seconds: number }[]>
  /** Requests of a space that no connection holds and that were accepted until `before`, next first. */
  unclaimed(spaceId: SpaceId, before: number, limit: number): Promise<RequestId[]>
  /** Deletes some finished requests with their events and keys. Returns how many; 0 when there are none, or none that another node has not taken. */
  prune(which: Pruning): Promise<number>
  /** Spaces that have requests no connection holds. */
  spacesWithClaimable(): Promise<SpaceId[]>
}

export type BusMessage =
  | {
      readonly topic: `request:${RequestId}`
      readonly item: FollowItem
      /** The request as this left it, where the bus can carry it: spares its reader the store. */
      readonly request?: StoredRequest
    }
  | { readonly topic: 'spaces'; readonly spaceId: SpaceId; readonly change: 'status' }
  | ({ readonly topic: 'spaces' } & SpaceChange)
  | { readonly topic: `user:${UserId}`; readonly change: 'revoked' }
  | {
      readonly topic: `user:${UserId}`
      readonly change: 'request'
      readonly requestId: RequestId
      readonly spaceId: SpaceId
      readonly status: RequestStatus
    }
  | { readonly topic: 'connections' }
  /** Something waits in a space that no connection holds: whoever serves it may claim. */
  | { readonly topic: 'waiting'; readonly spaceId: SpaceId }
  /** What waits in a space, next first. */
  | {
      readonly topic: 'queue'
      readonly spaceId: SpaceId
      readonly waiting: readonly RequestId[]
      readonly length: number
      /** Of the first of them; none when nobody knows. */
      readonly etas: readonly Eta[]
    }
  /** Somebody canceled a request: whoever holds it is to stop. */
  | { readonly topic: 'canceling'; readonly requestId: RequestId }
  /** The hub ended a request: whoever holds it lets go. */
  | { readonly topic: 'ended'; readonly requestId: RequestId; readonly reason: InferenceCancel['reason'] }
  /** Connections to be closed, wherever they are. */
  | { readonly topic: 'closing'; readonly choice: ConnectionChoice; readonly code: ErrorCode }
  /** Whatever is remembered of a user's identity is stale. */
  | { readonly topic: 'identities'; readonly userId: UserId }
export type Topic = BusMessage['topic']
export type MessageOn<T extends Topic> = Extract<BusMessage, { topic: T }>

/** Carries wake-ups after a commit. Losing any message may cost time, never data. */
export interface Bus {
  /** `here`: to nobody but the subscribers of this node. */
  publish(message: BusMessage, reach?: 'here' | 'everywhere'): void
  /** Handlers must not throw. Returns how to stop. */
  subscribe<T extends Topic>(topic: T, handler: (message: MessageOn<T>) => void): () => void
}
