import { sql } from 'kysely'
import { DEFAULTS, type RequestId, type SpaceId } from '@websocket-spaces/protocol'
import type { RequestStore } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { claimableOf } from './line.ts'

type Stranded = Awaited<ReturnType<RequestStore['strandedSpaces']>>

/**
 * Goes from space to space, and through what waits only where no app has been for long: in none of the busy ones. The
 * priority, which all have, is named that SQLite takes the index of what waits.
 */
export async function strandedSpaces(db: Database, at: number): Promise<Stranded> {
  const { rows } = await sql<{ space_id: SpaceId; seconds: number }>`
    with recursive found (space_id) as (
      select min(space_id) from requests where status = 'queued' and lease_id is null
      union all
      select (select min(space_id) from requests where status = 'queued' and lease_id is null and space_id > found.space_id)
      from found where found.space_id is not null
    ), held (space_id, seconds, last_seen_at) as (
      select spaces.id, case hold_seconds when 0 then ${sql.lit(DEFAULTS.strandedSeconds)} else hold_seconds end, last_seen_at
      from found join spaces on spaces.id = found.space_id
    )
    select space_id, seconds from held
    where coalesce(last_seen_at, 0) <= cast(${at} as bigint) - seconds * 1000
      and (select min(created_at) from requests
           where requests.space_id = held.space_id and priority >= 0 and status = 'queued' and lease_id is null) <= cast(${at} as bigint) - seconds * 1000`.execute(
    db,
  )
  return rows.map(({ space_id: spaceId, seconds }) => ({ spaceId, seconds }))
}

export async function unclaimedOf(db: Database, spaceId: SpaceId, before: number, limit: number): Promise<RequestId[]> {
  const rows = await claimableOf(db)
    .select('id')
    .where('space_id', '=', spaceId)
    .where('created_at', '<=', before)
    // As in their index: by id, SQLite would go through the whole history.
    .orderBy('priority', 'desc')
    .orderBy('turn')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}
