import { isoTime, type Outcome, type RequestEvent, type RequestId } from '@websocket-spaces/protocol'
import { type Fact, type Lease, next, type Step } from '../../requests/lifecycle.ts'
import type { Applied, StoredRequest } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { locking, transact } from '../dialect.ts'
import type { RequestTable } from '../schema.ts'
import { statement } from '../statement.ts'
import { addEvent, isInRow, keepStart, startOf } from './log.ts'
import { changeRequest, type RequestRow, selectRequests, toRequest } from './rows.ts'

type Change = Partial<RequestTable>
type MovingStep = Exclude<Step, { to: 'same' | 'refused' | 'leased' }>

/** Applies one fact: reads the request, asks the lifecycle, writes the step and its event, in one transaction. */
export async function applyFact(db: Database, node: string, id: RequestId, fact: Fact): Promise<Applied> {
  const apply = async (tx: Database): Promise<Applied> => {
    const [row] = await lockRequest(tx, { id })
    if (row === undefined) return { ok: false, code: 'not_found', request: null }
    const request = toRequest(row)
    const step = next(request.phase, request, fact)
    if (step.to === 'refused') return { ok: false, code: step.code, request }
    if (step.to === 'same') return { ok: true, changed: false, request, events: [] }
    if (step.to === 'leased') return keepQuiet(tx, row, { ...leaseColumns(step.lease), node_id: node })
    // Nobody is told: it was queued before, too. An app that comes and goes all day must not fill the logs of what it never began.
    if (step.to === 'waiting' && request.phase.at === 'handed') return keepQuiet(tx, row, changeOf(step))
    const change: Change = { ...changeOf(step), last_seq: request.lastSeq + 1 }
    const event = eventOf(step, request, fact.at)
    await changeRequest(tx, id, change)
    if (step.to === 'waiting') await keepStart(tx, row)
    if (!isInRow(event)) await addEvent(tx, { request_id: id, seq: event.seq, type: event.type, data: dataOf(event), at: fact.at })
    const known = { input: request.input, result: resultAfter(step, request) }
    return { ok: true, changed: true, request: toRequest(Object.assign(row, change), known), events: [event] }
  }
  return transact(db, apply, { place: { lane: 'apply', key: id } })
}

const lockRequest = statement<{ id: RequestId }, RequestRow>((db, slot) =>
  locking(db, 'requests', selectRequests(db).where('requests.id', '=', slot('id'))),
)

/** A change that adds nothing to the log. */
async function keepQuiet(tx: Database, row: RequestRow, change: Change): Promise<Applied> {
  await changeRequest(tx, row.id, change)
  return { ok: true, changed: true, request: toRequest(Object.assign(row, change)), events: [] }
}

function leaseColumns({ connectionId, instance, app, renews, away }: Lease) {
  const ofAway = { away_until: away?.until ?? null, away_reason: away?.reason ?? null }
  return { connection_id: connectionId, instance, app, renews: Number(renews), ...ofAway }
}

const NO_LEASE = {
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

function changeOf(step: MovingStep): Change {
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

function eventOf(step: MovingStep, request: StoredRequest, at: number): RequestEvent {
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

function resultAfter(step: MovingStep, { result }: StoredRequest): StoredRequest['result'] {
  return step.to === 'finished' && step.outcome.status !== 'canceled' ? step.outcome.result : result
}

function dataOf({ seq: _seq, at: _at, type: _type, ...data }: RequestEvent): string {
  return JSON.stringify(data)
}
