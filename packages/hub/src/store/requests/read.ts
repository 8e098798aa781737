import { type Expression, type ExpressionBuilder, sql, type SqlBool } from 'kysely'
import { type RequestId, type SpaceId, TIMING } from '@websocket-spaces/protocol'
import type { Leased, QueueCounts, RequestPageQuery, RequestStore, StoredRequest } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { isPostgres } from '../dialect.ts'
import type { RequestTable, Tables } from '../schema.ts'
import { statement } from '../statement.ts'
import { countWaiting } from './line.ts'
import { type RequestRow, selectListed, selectRequests, toRequest } from './rows.ts'

type Overdue = Awaited<ReturnType<RequestStore['overdue']>>

export async function findRequest(db: Database, id: RequestId): Promise<StoredRequest | null> {
  const [row] = await requestById(db, { id })
  return row === undefined ? null : toRequest(row)
}

const requestById = statement<{ id: RequestId }, RequestRow>((db, slot) => selectRequests(db).where('requests.id', '=', slot('id')))

export async function pageOfRequests(db: Database, { spaceId, userId, before, limit }: RequestPageQuery): Promise<StoredRequest[]> {
  let query = selectListed(db).orderBy('requests.id', 'desc').limit(limit)
  if (spaceId !== undefined) query = query.where('requests.space_id', '=', spaceId)
  if (userId !== undefined) query = query.where('requests.user_id', '=', userId)
  if (before !== undefined) query = query.where('requests.id', '<', before)
  return (await query.execute()).map((row) => toRequest(row))
}

export async function countsOf(db: Database, spaceId: SpaceId): Promise<QueueCounts> {
  const queued = await countWaiting(db, spaceId)
  const processing = await db
    .selectFrom('requests')
    .where('space_id', '=', spaceId)
    .where('deadline_at', 'is not', null)
    .select((e) => e.fn.countAll<number>().as('count'))
    .executeTakeFirst()
  return { queued, processing: processing?.count ?? 0 }
}

export async function totalsSince(db: Database, since: number): Promise<QueueCounts & { finished: number }> {
  const all = db.selectFrom('requests').select((e) => e.fn.countAll<number>().as('count'))
  const queued = await countWaiting(db)
  const processing = await all.where('deadline_at', 'is not', null).executeTakeFirst()
  const finished = await all.where('finished_at', '>=', since).executeTakeFirst()
  return { queued, processing: processing?.count ?? 0, finished: finished?.count ?? 0 }
}

/** Of what another living node handed out, only what that node has had the time for to store a result which came before the deadline. */
export async function overdueAt(db: Database, node: string, at: number, limit: number): Promise<Overdue> {
  const all = db.selectFrom('requests').select(['id', 'started_at', 'deadline_at']).where('deadline_at', '<=', at)
  const ours = all.where((e) =>
    e.or([e('node_id', '=', node), e('deadline_at', '<=', at - TIMING.storeResultFor), e.not(e.exists(nodeOf(e)))]),
  )
  // SQLite belongs to one process.
  const rows = await (isPostgres(db) ? ours : all).orderBy('deadline_at').limit(limit).execute()
  return rows.map(({ id, started_at, deadline_at }) => ({ id, seconds: Math.round(((deadline_at ?? 0) - (started_at ?? 0)) / 1000) }))
}

/** The row of the node that handed a request out, as long as that lives. */
function nodeOf(e: ExpressionBuilder<Tables, 'requests'>) {
  return e.selectFrom('nodes').select('nodes.id').whereRef('nodes.id', '=', 'requests.node_id')
}

export async function heldBy(db: Database, node: string): ReturnType<RequestStore['held']> {
  const rows = await selectHeld(db, (e) => e('node_id', '=', node)).execute()
  return rows.flatMap((row) => leased(row).map((one) => ({ ...one, isCanceling: row.status === 'canceling' })))
}

/** SQLite belongs to one process, so that every other node is a former one. */
export async function orphansBeside(db: Database, node: string, limit: number): ReturnType<RequestStore['orphans']> {
  const orphans = selectHeld(db, (e) => {
    return e.or([e('node_id', 'is', null), isPostgres(db) ? e.not(e.exists(nodeOf(e))) : e('node_id', '!=', node)])
  })
  const rows = await orphans.limit(limit).execute()
  return rows.flatMap((row) => leased(row).map((one) => ({ ...one, renews: row.renews === 1 })))
}

/**
 * What is held by a connection, as far as the store knows. On SQLite by its indexes of what runs and of what apps have in
 * their queues: one statement, or what goes from one to the other in between would be in none.
 */
function selectHeld(db: Database, whose: (e: ExpressionBuilder<Tables, 'requests'>) => Expression<SqlBool>) {
  const held = db
    .selectFrom('requests')
    .select(['requests.id', 'lease_id', 'connection_id', 'status', 'renews'])
    .where('lease_id', 'is not', null)
    .where('away_until', 'is', null)
    .where(whose)
  return isPostgres(db) ? held : held.where('deadline_at', 'is not', null).unionAll(held.where('status', '=', sql.lit('queued')))
}

export async function awayOf(db: Database, spaceId: SpaceId, app: string): ReturnType<RequestStore['away']> {
  const rows = await db
    .selectFrom('requests')
    .select(['id', 'lease_id', 'connection_id', 'away_reason'])
    .where('away_until', 'is not', null)
    // Only what was begun can be away; said for its index: SQLite would go through the whole history of the space.
    .where('deadline_at', 'is not', null)
    .where('space_id', '=', spaceId)
    .where('app', '=', app)
    .execute()
  return rows.flatMap((row) => leased(row).map((one) => ({ ...one, reason: row.away_reason ?? 'app_lost' })))
}

export async function expiredAt(db: Database, at: number, limit: number): Promise<RequestId[]> {
  const rows = await db.selectFrom('requests').select('id').where('away_until', '<=', at).orderBy('away_until').limit(limit).execute()
  return rows.map((row) => row.id)
}

function leased({ id, lease_id, connection_id }: Pick<RequestTable, 'id' | 'lease_id' | 'connection_id'>): Leased[] {
  return lease_id === null || connection_id === null ? [] : [{ id, by: { id: lease_id, connectionId: connection_id } }]
}

export async function unfinishedOf(db: Database, spaceId: SpaceId, limit: number): Promise<RequestId[]> {
  const rows = await db
    .selectFrom('requests')
    .select('id')
    .where('space_id', '=', spaceId)
    .where('finished_at', 'is', null)
    // Not by the bare id: in the order of its index SQLite would go through the whole history of the space.
    .orderBy(sql`id || ''`)
    .limit(limit)
    .execute()
  return rows.map((row) => row.id)
}

/** Looks up one space after the other: to go through all that waits would take as long as the queue is. */
export async function spacesWithClaimable(db: Database): Promise<SpaceId[]> {
  const { rows } = await sql<{ space_id: SpaceId }>`
    with recursive found (space_id) as (
      select min(space_id) from requests where status = 'queued' and lease_id is null
      union all
      select (select min(space_id) from requests where status = 'queued' and lease_id is null and space_id > found.space_id)
      from found where found.space_id is not null
    )
    select space_id from found where space_id is not null`.execute(db)
  return rows.map((row) => row.space_id)
}
