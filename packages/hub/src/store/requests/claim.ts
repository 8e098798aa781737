import { sql } from 'kysely'
import { isoTime, type LeaseId, type RequestEvent, requestInput, type SpaceId } from '@websocket-spaces/protocol'
import { newLeaseId } from '../../requests/lease-id.ts'
import type { Claim, ClaimedRequest } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { isPostgres, transact } from '../dialect.ts'
import type { RequestTable } from '../schema.ts'
import { limitOf, statement } from '../statement.ts'
import { claimAtOnce } from './claim-at-once.ts'
import { addEvent, isInRow, startOf } from './log.ts'
import { changeRequest } from './rows.ts'

/**
 * Puts the next waiting requests under a lease; the first `start` of them begin at once.
 * SQLite has one writer, so that a plain select inside the transaction is a claim.
 */
export async function claimRequests(db: Database, node: string, claim: Claim): Promise<ClaimedRequest[]> {
  if (isPostgres(db)) return claimAtOnce(db, node, claim)
  return transact(
    db,
    async (tx) => {
      const rows = await claimable(tx, { spaceId: claim.spaceId, limit: claim.start + claim.hold })
      const claimed: ClaimedRequest[] = []
      for (const [index, row] of rows.entries()) {
        const started = index < claim.start
        const lease = newLeaseId()
        const event = await handOver(tx, row, { ...claim, node, lease }, started)
        claimed.push({
          id: row.id,
          leaseId: lease,
          userId: row.user_id,
          username: row.user_name,
          input: requestInput.parse(JSON.parse(row.input)),
          attempt: row.attempt + 1,
          createdAt: row.created_at,
          started,
          events: event === null ? [] : [event],
        })
      }
      return claimed
    },
    // A claim that a power cut undoes is made again: the next start takes all leases back anyway.
    { durable: false },
  )
}

type ClaimableRow = Pick<RequestTable, 'id' | 'user_id' | 'input' | 'attempt' | 'last_seq' | 'created_at'> & { readonly user_name: string }

const claimable = statement<{ spaceId: SpaceId; limit: number }, ClaimableRow>((db, slot) => {
  return db
    .selectFrom('requests')
    .innerJoin('user', 'user.id', 'requests.user_id')
    .select(['requests.id', 'requests.user_id', 'requests.input', 'requests.attempt', 'requests.last_seq', 'requests.created_at'])
    .select((e) => e.fn.coalesce('user.displayUsername', 'user.username', e.val('')).as('user_name'))
    .where('requests.space_id', '=', slot('spaceId'))
    .where('requests.status', '=', sql.lit('queued'))
    .where('requests.lease_id', 'is', null)
    .orderBy('requests.priority', 'desc')
    .orderBy('requests.turn')
    .orderBy('requests.id')
    .limit(limitOf(slot('limit')))
})

async function handOver(
  db: Database,
  row: ClaimableRow,
  claim: Claim & { readonly node: string; readonly lease: LeaseId },
  started: boolean,
): Promise<RequestEvent | null> {
  const { lease: lease_id, connectionId: connection_id, node: node_id, instance, app } = claim
  const lease = { lease_id, connection_id, node_id, instance, app, renews: Number(claim.renews) }
  if (!started) {
    await changeRequest(db, row.id, { ...lease, handed_at: claim.at })
    return null
  }
  const attempt = row.attempt + 1
  const seq = row.last_seq + 1
  const start = {
    status: 'processing',
    attempt,
    last_seq: seq,
    started_at: claim.at,
    deadline_at: claim.deadlineAt,
    progress: null,
    // Each attempt says everything anew.
    output_chars: 0,
  } as const
  await changeRequest(db, row.id, { ...lease, ...start })
  const data = startOf(attempt, claim.instance)
  const event = { seq, at: isoTime(claim.at), type: 'status', ...data } as const
  if (!isInRow(event)) await addEvent(db, { request_id: row.id, seq, type: 'status', data: JSON.stringify(data), at: claim.at })
  return event
}
