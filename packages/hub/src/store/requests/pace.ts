import { sql } from 'kysely'
import type { SpaceId } from '@websocket-spaces/protocol'
import type { Pace } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { limitOf, statement } from '../statement.ts'

/** So many of the last say how long the next will take. */
const RECENT = 50
/** More running requests than these say nothing new. */
const MOST_RUNNING = 1_000

type Wanted = { readonly spaceId: SpaceId; readonly limit: number }

export async function paceOf(db: Database, spaceId: SpaceId): Promise<Pace> {
  const completed = await recent(db, { spaceId, limit: RECENT })
  const begun = await running(db, { spaceId, limit: MOST_RUNNING })
  return {
    durations: completed.map(({ started_at, finished_at }) => Math.max(0, (finished_at ?? 0) - (started_at ?? 0))),
    startedAt: begun.map(({ started_at }) => started_at ?? 0),
  }
}

const recent = statement<Wanted, { started_at: number | null; finished_at: number | null }>((db, slot) =>
  db
    .selectFrom('requests')
    .select(['started_at', 'finished_at'])
    .where('space_id', '=', slot('spaceId'))
    .where('status', '=', sql.lit('completed'))
    .orderBy('finished_at', 'desc')
    .limit(limitOf(slot('limit'))),
)

const running = statement<Wanted, { started_at: number | null }>((db, slot) =>
  db
    .selectFrom('requests')
    .select('started_at')
    .where('space_id', '=', slot('spaceId'))
    .where('deadline_at', 'is not', null)
    .orderBy('deadline_at')
    .limit(limitOf(slot('limit'))),
)
