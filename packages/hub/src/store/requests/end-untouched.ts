import type { ConnectionId, LeaseId, RequestId } from '@websocket-spaces/protocol'
import { type Fact, next } from '../../requests/lifecycle.ts'
import type { Applied, StoredRequest } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import type { RequestTable } from '../schema.ts'
import { change } from '../statement.ts'
import { changeOf, eventOf, NO_LEASE, resultAfter } from './step.ts'

/**
 * Ends a running request, of which its app reports how, by one statement, if it still stands as it was `last` known to. Null
 * where it does not, and for all other facts: then it is to be read. All that may happen to a running request changes its status, its
 * lease or the number of its last event.
 */
export async function endUntouched(tx: Database, last: StoredRequest, fact: Fact): Promise<Applied | null> {
  const { id, phase, lastSeq: seen } = last
  // Others look at the tally too, which may be the space's of another time.
  if (fact.type !== 'reported') return null
  const step = next(phase, last, fact)
  if (phase.at !== 'running' || phase.lease.away !== null || step.to !== 'finished') return null
  const event = eventOf(step, last, fact.at)
  const { result = null, error = null, progress = last.progress } = changeOf(step)
  const { status } = step.outcome
  const ending = { status, finishedAt: step.at, result, error, progress, lastSeq: event.seq }
  const count = await end(tx, { id, seen, leaseId: phase.lease.id, connectionId: phase.lease.connectionId, ...ending })
  if (count === 0) return null
  const request: StoredRequest = {
    ...last,
    phase: { at: 'finished', status },
    result: resultAfter(step, last),
    error: step.outcome.status === 'failed' ? step.outcome.error : null,
    progress,
    lastSeq: event.seq,
    deadlineAt: null,
    finishedAt: step.at,
  }
  return { ok: true, changed: true, request, events: [event] }
}

type Ending = {
  readonly id: RequestId
  readonly leaseId: LeaseId
  readonly connectionId: ConnectionId
  /** Number of the last event it had. */
  readonly seen: number
  readonly status: RequestTable['status']
  readonly finishedAt: number
  readonly result: string | null
  readonly error: string | null
  readonly progress: number | null
  readonly lastSeq: number
}

const end = change<Ending>((db, slot) =>
  db
    .updateTable('requests')
    .set({
      ...NO_LEASE,
      status: slot('status'),
      deadline_at: null,
      finished_at: slot('finishedAt'),
      result: slot('result'),
      error: slot('error'),
      progress: slot('progress'),
      last_seq: slot('lastSeq'),
    })
    .where('id', '=', slot('id'))
    .where('status', '=', 'processing')
    .where('lease_id', '=', slot('leaseId'))
    .where('connection_id', '=', slot('connectionId'))
    .where('away_until', 'is', null)
    .where('last_seq', '=', slot('seen')),
)
