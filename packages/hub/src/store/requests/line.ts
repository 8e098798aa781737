/** Who waits before whom: first what apps have in their own queues, in the order they got it, then what may be claimed next. */
import { sql } from 'kysely'
import type { RequestId, SpaceId } from '@websocket-spaces/protocol'
import type { Database } from '../database.ts'
import { limitOf, statement } from '../statement.ts'

type Wanted = { readonly spaceId: SpaceId; readonly limit: number }

export async function waitingOf(db: Database, spaceId: SpaceId, limit: number): Promise<RequestId[]> {
  const first = await handed(db, { spaceId, limit })
  const then = await claimable(db, { spaceId, limit: limit - first.length })
  return [...first, ...then].map(({ id }) => id)
}

const handed = statement<Wanted, { id: RequestId }>((db, slot) =>
  handedOf(db)
    .select('id')
    .where('space_id', '=', slot('spaceId'))
    .orderBy('handed_at')
    .orderBy('priority', 'desc')
    .orderBy('turn')
    .orderBy('id')
    .limit(limitOf(slot('limit'))),
)

const claimable = statement<Wanted, { id: RequestId }>((db, slot) =>
  claimableOf(db)
    .select('id')
    .where('space_id', '=', slot('spaceId'))
    .orderBy('priority', 'desc')
    .orderBy('turn')
    .orderBy('id')
    .limit(limitOf(slot('limit'))),
)

export async function countWaitingBefore(db: Database, id: RequestId): Promise<number> {
  const [row] = await countBefore(db, { id })
  return row?.count ?? 0
}

const IN_APPS = sql`select count(*) from requests where space_id = own.space_id and status = 'queued' and lease_id is not null`
const IN_HUB = sql`select count(*) from requests where space_id = own.space_id and status = 'queued' and lease_id is null`

const countBefore = statement<{ id: RequestId }, { count: number }>((db, slot) =>
  db
    .selectFrom('requests as own')
    .where('own.id', '=', slot('id'))
    .select(
      sql<number>`case when own.lease_id is not null
        then (${IN_APPS} and (handed_at, -priority, turn, id) < (own.handed_at, -own.priority, own.turn, own.id))
        else (${IN_APPS}) + (${IN_HUB} and priority > own.priority)
          + (${IN_HUB} and priority = own.priority and (turn, id) < (own.turn, own.id)) end`.as('count'),
    ),
)

/** In one space, or in all. */
export async function countWaiting(db: Database, spaceId?: SpaceId): Promise<number> {
  let count = 0
  for (const some of [claimableOf(db), handedOf(db)]) {
    const asked = spaceId === undefined ? some : some.where('space_id', '=', spaceId)
    count += (await asked.select((e) => e.fn.countAll<number>().as('count')).executeTakeFirst())?.count ?? 0
  }
  return count
}

/** Waiting requests that no app holds. With the literals of its index, or that would not be used. */
export function claimableOf(db: Database) {
  return db.selectFrom('requests').where('status', '=', sql.lit('queued')).where('lease_id', 'is', null)
}

/** Waiting requests in the own queues of apps. */
export function handedOf(db: Database) {
  return db.selectFrom('requests').where('status', '=', sql.lit('queued')).where('lease_id', 'is not', null)
}
