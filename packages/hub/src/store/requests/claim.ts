import type { RequestEvent } from '@websocket-spaces/protocol'
import { requestInput } from '@websocket-spaces/protocol'
import type { Claim, ClaimedRequest } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { claiming, transact } from '../dialect.ts'
import type { RequestTable } from '../schema.ts'

/**
 * Puts the oldest waiting requests under a lease; the first `start` of them begin at once.
 * SQLite has one writer, so that a plain select inside the transaction is a claim; on PostgreSQL it locks its rows.
 */
export async function claimRequests(db: Database, node: string, claim: Claim): Promise<ClaimedRequest[]> {
  return transact(db, async (tx) => {
    const next = tx
      .selectFrom('requests')
      .innerJoin('user', 'user.id', 'requests.user_id')
      .select(['requests.id', 'requests.user_id', 'requests.input', 'requests.attempt', 'requests.last_seq', 'requests.created_at'])
      .select((e) => e.fn.coalesce('user.displayUsername', 'user.username', e.val('')).as('user_name'))
      .where('requests.space_id', '=', claim.spaceId)
      .where('requests.status', '=', 'queued')
      .where('requests.lease_id', 'is', null)
      .orderBy('requests.id')
      .limit(claim.start + claim.hold)
    const rows = await claiming(tx, 'requests', next).execute()
    const claimed: ClaimedRequest[] = []
    for (const [index, row] of rows.entries()) {
      const started = index < claim.start
      const event = await handOver(tx, row, { ...claim, node }, started)
      claimed.push({
        id: row.id,
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
  })
}

type ClaimableRow = Pick<RequestTable, 'id' | 'attempt' | 'last_seq'>

async function handOver(
  db: Database,
  row: ClaimableRow,
  claim: Claim & { readonly node: string },
  started: boolean,
): Promise<RequestEvent | null> {
  const lease = { lease_id: claim.leaseId, connection_id: claim.connectionId, node_id: claim.node, instance: claim.instance }
  const update = db.updateTable('requests').where('id', '=', row.id)
  if (!started) {
    await update.set(lease).execute()
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
  } as const
  await update.set({ ...lease, ...start }).execute()
  const data = { status: 'processing', attempt, ...(claim.instance === null ? {} : { instance: claim.instance }) } as const
  await db
    .insertInto('request_events')
    .values({ request_id: row.id, seq, type: 'status', data: JSON.stringify(data), at: claim.at })
    .execute()
  return { seq, at: new Date(claim.at).toISOString(), type: 'status', ...data }
}
