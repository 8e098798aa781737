/** What a step of the lifecycle changes in a request's row, and adds to its log. */
import { isoTime, type Outcome, type RequestEvent } from '@websocket-spaces/protocol'
import type { Lease, Step } from '../../requests/lifecycle.ts'
import type { StoredRequest } from '../../requests/ports.ts'
import type { RequestTable } from '../schema.ts'
import { startOf } from './log.ts'

export type Change = Partial<RequestTable>
type MovingStep = Exclude<Step, { to: 'same' | 'refused' | 'leased' }>

export function leaseColumns({ connectionId, instance, app, renews, away }: Lease) {
  const ofAway = { away_until: away?.until ?? null, away_reason: away?.reason ?? null }
  return { connection_id: connectionId, instance, app, renews: Number(renews), ...ofAway }
}

export const NO_LEASE = {
  lease_id: null,
  connection_id: null,
  node_id: null,
  app: null,
  renews: null,
  away_until: null,
  away_reason: null,
} as const

/** Each attempt says everything anew. */
const FRESH = { progress: null, output_chars: 0 } as const

export function changeOf(step: MovingStep): Change {
  switch (step.to) {
    case 'running':
      return { status: 'processing', attempt: step.attempt, started_at: step.startedAt, deadline_at: step.deadlineAt, ...FRESH }
    case 'waiting':
      return { status: 'queued', ...NO_LEASE, losses: step.losses, instance: null, started_at: null, deadline_at: null, ...FRESH }
    case 'canceling':
      return { status: 'canceling' }
    case 'finished':
      return { status: step.outcome.status, ...NO_LEASE, deadline_at: null, finished_at: step.at, ...columnsOf(step.outcome) }
  }
}

function columnsOf(outcome: Outcome): Change {
  switch (outcome.status) {
    case 'completed':
      return { result: JSON.stringify(outcome.result), progress: 1 }
    case 'failed':
      return { error: JSON.stringify(outcome.error), result: outcome.result === null ? null : JSON.stringify(outcome.result) }
    case 'canceled':
      return {}
  }
}

export function eventOf(step: MovingStep, request: StoredRequest, at: number): RequestEvent {
  const numbered = { seq: request.lastSeq + 1, at: isoTime(at) }
  switch (step.to) {
    case 'running':
      return { ...numbered, type: 'status', ...startOf(step.attempt, step.lease.instance) }
    case 'waiting':
      return { ...numbered, type: 'status', status: 'queued', attempt: step.attempt, reason: step.reason }
    case 'canceling':
      return { ...numbered, type: 'status', status: 'canceling', attempt: step.attempt }
    case 'finished':
      return { ...numbered, type: 'result', outcome: step.outcome }
  }
}

export function resultAfter(step: MovingStep, { result }: StoredRequest): StoredRequest['result'] {
  return step.to === 'finished' && step.outcome.status !== 'canceled' ? step.outcome.result : result
}
