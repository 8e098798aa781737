/**
 * The life of a request, as one pure function. Stores load a request's phase, ask `next`,
 * and write what it says; nothing else decides whether something may happen.
 *
 *   waiting ──handed──▶ handed ──started──▶ running ──reported──▶ finished
 *      ▲                  │                  │   │                   ▲
 *      └──────lost────────┴───lost, expired──┘   └──▶ canceling ─────┘
 *                                            (after too many losses or starts: finished, `app_lost`)
 *
 * `waiting` and `handed` both count as queued for people: an app that keeps its own queue
 * holds requests it has not begun. While an app is away its lease goes on, until it is back,
 * on whatever connection, or the lease expires.
 */
import { type ConnectionId, type LeaseId, LIMITS, type Outcome, type RequestStatus, SpacesError } from '@websocket-spaces/protocol'

export type LossReason = 'app_lost' | 'hub_restarted'

/** Since its connection is gone: until when the app may come back, and why a start then ends. */
export interface Away {
  readonly until: number
  readonly reason: LossReason
}

/** Whose word counts: the same lease, held by the same connection. */
export interface LeaseRef {
  readonly id: LeaseId
  readonly connectionId: ConnectionId
}

export interface Lease extends LeaseRef {
  readonly instance: string | null
  /** Whose it is, as `Connection.app` says: an app that comes back is known by it. */
  readonly app: string
  /** Whether it renews its leases; if not, nobody can tell that it forgot one. */
  readonly renews: boolean
  readonly away: Away | null
}

/** Who a lease is given to. */
export type Holder = Pick<Lease, 'connectionId' | 'instance' | 'app' | 'renews'>

interface Started {
  readonly lease: Lease
  readonly startedAt: number
  readonly deadlineAt: number
}

export type Phase =
  | { readonly at: 'waiting' }
  | { readonly at: 'handed'; readonly lease: Lease }
  | ({ readonly at: 'running' } & Started)
  /** Canceled by somebody, but its app may still be at it. */
  | ({ readonly at: 'canceling' } & Started)
  | { readonly at: 'finished'; readonly status: Outcome['status'] }

type Leased = Extract<Phase, { lease: Lease }>
type Begun = Extract<Phase, Started>

export type Fact =
  | { readonly type: 'started'; readonly by: LeaseRef; readonly at: number; readonly deadlineAt: number }
  | { readonly type: 'reported'; readonly by: LeaseRef; readonly at: number; readonly outcome: Outcome }
  | { readonly type: 'lost'; readonly by: LeaseRef; readonly at: number; readonly reason: LossReason }
  /** Its connection broke off. What was begun stays its own for a while. */
  | ({ readonly type: 'left'; readonly by: LeaseRef; readonly at: number } & Away)
  /** The app is back on another connection. */
  | { readonly type: 'resumed'; readonly leaseId: LeaseId; readonly at: number; readonly to: Holder }
  | { readonly type: 'expired'; readonly at: number }
  | { readonly type: 'timed_out'; readonly at: number; readonly seconds: number }
  /** Somebody wants it canceled. */
  | { readonly type: 'cancel_asked'; readonly at: number }
  /** It ends now, whoever is at it. */
  | { readonly type: 'canceled'; readonly at: number }
  /** No app came `within` the time its space holds requests, as it is told: `8 h`. */
  | { readonly type: 'stranded'; readonly at: number; readonly within: string }

export type Step =
  | ({ readonly to: 'running'; readonly attempt: number } & Started)
  | { readonly to: 'waiting'; readonly reason: LossReason; readonly attempt: number; readonly losses: number }
  | { readonly to: 'canceling'; readonly attempt: number }
  | { readonly to: 'finished'; readonly outcome: Outcome; readonly at: number }
  /** Only the lease changes, of which people are told nothing. */
  | { readonly to: 'leased'; readonly lease: Lease }
  /** Nothing changes; the same fact was known already. */
  | { readonly to: 'same' }
  | { readonly to: 'refused'; readonly code: 'request_finished' | 'stale_lease' }

/** How often a request was started so far, how often an app was lost while it worked on it, and how often that may be. */
export interface Tally {
  readonly attempt: number
  readonly losses: number
  readonly maxAttempts: number
}

const SAME = { to: 'same' } as const
const STALE = { to: 'refused', code: 'stale_lease' } as const

/** What a fact does to a request. */
export function next(phase: Phase, tally: Tally, fact: Fact): Step {
  if (phase.at === 'finished') return { to: 'refused', code: 'request_finished' }
  switch (fact.type) {
    case 'cancel_asked':
      if (phase.at === 'canceling') return SAME
      return phase.at === 'running' ? { to: 'canceling', attempt: tally.attempt } : canceled(fact)
    case 'canceled':
      return canceled(fact)
    case 'timed_out':
      return afterDeadline(phase, fact)
    case 'stranded':
      // Otherwise an app came after all.
      if (phase.at !== 'waiting') return SAME
      return { to: 'finished', outcome: failure(new SpacesError('app_stayed_away', { time: fact.within })), at: fact.at }
    case 'expired':
      // The sweep read this a moment ago; meanwhile the app may have come back.
      if (!isLeased(phase) || phase.lease.away === null || phase.lease.away.until > fact.at) return SAME
      return afterLoss(phase, tally, { at: fact.at, reason: phase.lease.away.reason })
    case 'resumed':
      if (!isLeased(phase) || phase.lease.id !== fact.leaseId) return STALE
      return { to: 'leased', lease: { id: fact.leaseId, ...fact.to, away: null } }
    default:
      return isLeased(phase) && holds(phase.lease, fact.by) ? saidByHolder(phase, tally, fact) : STALE
  }
}

function saidByHolder(phase: Leased, tally: Tally, fact: Extract<Fact, { by: LeaseRef }>): Step {
  switch (fact.type) {
    case 'started': {
      if (phase.at !== 'handed') return SAME
      const { at: startedAt, deadlineAt } = fact
      return { to: 'running', lease: phase.lease, startedAt, deadlineAt, attempt: tally.attempt + 1 }
    }
    case 'reported':
      return { to: 'finished', outcome: phase.at === 'canceling' ? { status: 'canceled' } : final(fact.outcome), at: fact.at }
    case 'lost':
      return afterLoss(phase, tally, fact)
    case 'left':
      if (phase.at === 'handed') return afterLoss(phase, tally, fact)
      // Told again, it can only be given less time.
      if (phase.lease.away !== null && phase.lease.away.until <= fact.until) return SAME
      return { to: 'leased', lease: { ...phase.lease, away: { until: fact.until, reason: phase.lease.away?.reason ?? fact.reason } } }
  }
}

function canceled({ at }: { readonly at: number }): Step {
  return { to: 'finished', outcome: { status: 'canceled' }, at }
}

/** The sweep read the deadline a moment ago; meanwhile the request may have gone back to the queue. */
function afterDeadline(phase: Phase, { at, seconds }: Extract<Fact, { type: 'timed_out' }>): Step {
  if (!isBegun(phase) || phase.deadlineAt > at) return SAME
  if (phase.at === 'canceling') return canceled({ at })
  return { to: 'finished', outcome: failure(new SpacesError('timeout', { seconds })), at }
}

/**
 * Only a start that was lost counts against a request; one the app never began, or the hub's own restart, does not. But
 * what brings the hub itself down, whenever it runs, must not do so for ever.
 */
function afterLoss(phase: Leased, tally: Tally, { at, reason }: { readonly at: number; readonly reason: LossReason }): Step {
  if (phase.at === 'canceling') return canceled({ at })
  const counts = phase.at === 'running' && reason === 'app_lost'
  const losses = tally.losses + (counts ? 1 : 0)
  const isLast = phase.at === 'running' && tally.attempt >= LIMITS.mostAttempts
  if (!isLast && (!counts || losses < tally.maxAttempts)) return { to: 'waiting', reason, attempt: tally.attempt, losses }
  const attempts = isLast ? tally.attempt : losses
  return { to: 'finished', outcome: failure(new SpacesError('app_lost', { attempts })), at }
}

/** How a running request ends when its app says this: an app cannot cancel on its own; it can only confirm. */
export function final(outcome: Outcome): Outcome {
  return outcome.status === 'canceled' ? failure(new SpacesError('app_failed')) : outcome
}

function isLeased(phase: Phase): phase is Leased {
  return 'lease' in phase
}

function isBegun(phase: Phase): phase is Begun {
  return 'deadlineAt' in phase
}

export function holds(lease: LeaseRef, by: LeaseRef): boolean {
  return lease.id === by.id && lease.connectionId === by.connectionId
}

/** A failed outcome that the hub itself states. Its message is stored in English; pages translate by code. */
export function failure(error: SpacesError): Outcome {
  return { status: 'failed', error: { code: error.code, message: error.message }, result: null }
}

/** How a phase is called on pages and in the API. */
export function statusOf(phase: Phase): RequestStatus {
  switch (phase.at) {
    case 'waiting':
    case 'handed':
      return 'queued'
    case 'running':
      return 'processing'
    case 'canceling':
      return 'canceling'
    case 'finished':
      return phase.status
  }
}
