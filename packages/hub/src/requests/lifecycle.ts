/**
 * The life of a request, as one pure function. Stores load a request's phase, ask `next`,
 * and write what it says; nothing else decides whether something may happen.
 *
 *   waiting ──handed──▶ handed ──started──▶ running ──finished──▶ finished
 *      ▲                  │                    │
 *      └──────lost────────┴────────lost────────┘   (after too many starts: finished, `app_lost`)
 *
 * `waiting` and `handed` both count as queued for people: an app that keeps its own queue
 * holds requests it has not begun. Cancel and timeout end a request from any unfinished phase.
 */
import { type ConnectionId, type LeaseId, type Outcome, type RequestStatus, SpacesError } from '@websocket-spaces/protocol'

export interface Lease {
  readonly id: LeaseId
  readonly connectionId: ConnectionId
  readonly instance: string | null
}

export type Phase =
  | { readonly at: 'waiting' }
  | { readonly at: 'handed'; readonly lease: Lease }
  | { readonly at: 'running'; readonly lease: Lease; readonly startedAt: number; readonly deadlineAt: number }
  | { readonly at: 'finished'; readonly status: Outcome['status'] }

export type LossReason = 'app_lost' | 'hub_restarted'

export type Fact =
  | { readonly type: 'started'; readonly leaseId: LeaseId; readonly at: number; readonly deadlineAt: number }
  | { readonly type: 'reported'; readonly leaseId: LeaseId; readonly at: number; readonly outcome: Outcome }
  | { readonly type: 'lost'; readonly leaseId: LeaseId; readonly at: number; readonly reason: LossReason; readonly maxAttempts: number }
  | { readonly type: 'timed_out'; readonly at: number; readonly seconds: number }
  | { readonly type: 'canceled'; readonly at: number }
  /** No app came `within` the time its space holds requests, as it is told: `8 h`. */
  | { readonly type: 'stranded'; readonly at: number; readonly within: string }

export type Step =
  | { readonly to: 'running'; readonly lease: Lease; readonly startedAt: number; readonly deadlineAt: number; readonly attempt: number }
  | { readonly to: 'waiting'; readonly reason: LossReason; readonly attempt: number; readonly losses: number }
  | { readonly to: 'finished'; readonly outcome: Outcome; readonly at: number }
  /** Nothing changes; the same fact was known already. */
  | { readonly to: 'same' }
  | { readonly to: 'refused'; readonly code: 'request_finished' | 'stale_lease' }

/** How often a request was started so far, and how often an app was lost while it worked on it. */
export interface Tally {
  readonly attempt: number
  readonly losses: number
}

/** What a fact does to a request. */
export function next(phase: Phase, { attempt, losses }: Tally, fact: Fact): Step {
  if (phase.at === 'finished') return { to: 'refused', code: 'request_finished' }
  switch (fact.type) {
    case 'canceled':
      return { to: 'finished', outcome: { status: 'canceled' }, at: fact.at }
    case 'timed_out':
      // The sweep read the deadline a moment ago; meanwhile the request may have gone back to the queue.
      if (phase.at !== 'running' || phase.deadlineAt > fact.at) return { to: 'same' }
      return { to: 'finished', outcome: failure(new SpacesError('timeout', { seconds: fact.seconds })), at: fact.at }
    case 'stranded':
      // An app came after all.
      if (phase.at !== 'waiting') return { to: 'same' }
      return { to: 'finished', outcome: failure(new SpacesError('app_stayed_away', { time: fact.within })), at: fact.at }
    case 'started':
      if (!holds(phase, fact.leaseId)) return { to: 'refused', code: 'stale_lease' }
      if (phase.at === 'running') return { to: 'same' }
      return { to: 'running', lease: phase.lease, startedAt: fact.at, deadlineAt: fact.deadlineAt, attempt: attempt + 1 }
    case 'reported':
      if (!holds(phase, fact.leaseId)) return { to: 'refused', code: 'stale_lease' }
      return { to: 'finished', outcome: fact.outcome, at: fact.at }
    case 'lost':
      if (!holds(phase, fact.leaseId)) return { to: 'refused', code: 'stale_lease' }
      return afterLoss(phase, { attempt, losses }, fact)
  }
}

/** Only a start that was lost counts against a request; one the app never began, or the hub's own restart, does not. */
function afterLoss(phase: Phase, { attempt, losses: before }: Tally, fact: Extract<Fact, { type: 'lost' }>): Step {
  const counts = phase.at === 'running' && fact.reason === 'app_lost'
  const losses = before + (counts ? 1 : 0)
  if (!counts || losses < fact.maxAttempts) return { to: 'waiting', reason: fact.reason, attempt, losses }
  return { to: 'finished', outcome: failure(new SpacesError('app_lost', { attempts: losses })), at: fact.at }
}

function holds(phase: Phase, lease: LeaseId): phase is Extract<Phase, { lease: Lease }> {
  return (phase.at === 'handed' || phase.at === 'running') && phase.lease.id === lease
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
    case 'finished':
      return phase.status
  }
}
