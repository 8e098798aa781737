import type { RequestId } from '@websocket-spaces/protocol'
import type { Pruning } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { claiming, transact } from '../dialect.ts'

/** How much one transaction deletes: others wait meanwhile. */
const REQUESTS_AT_ONCE = 100
const EVENTS_AT_ONCE = 2_000

/** Deletes some finished requests, their events and their keys; nodes that do so at the same time take different ones. */
export async function pruneRequests(db: Database, which: Pruning): Promise<number> {
  return transact(
    db,
    async (tx) => {
      const rows = await claiming(tx, 'requests', finished(tx, which)).execute()
      const ids = fewest(rows)
      if (ids.length === 0) return 0
      await tx.deleteFrom('request_events').where('request_id', 'in', ids).execute()
      await tx.deleteFrom('submissions').where('request_id', 'in', ids).execute()
      await tx.deleteFrom('requests').where('id', 'in', ids).execute()
      return ids.length
    },
    // What a power cut brings back is deleted again.
    { durable: false },
  )
}

/** In the order of an index each: of the age of all, or of the ids of one space. */
function finished(db: Database, { finishedBefore, spaceId }: Pruning) {
  const ended = db.selectFrom('requests').select(['id', 'last_seq']).limit(REQUESTS_AT_ONCE)
  const old = ended.where('finished_at', '<', finishedBefore)
  return spaceId === undefined ? old.orderBy('finished_at') : old.where('space_id', '=', spaceId).orderBy('id')
}

/** One at least, and then as long as their events are few. */
function fewest(rows: readonly { readonly id: RequestId; readonly last_seq: number }[]): RequestId[] {
  let events = 0
  return rows
    .filter(({ last_seq }, index) => {
      events += last_seq
      return index === 0 || events <= EVENTS_AT_ONCE
    })
    .map(({ id }) => id)
}
