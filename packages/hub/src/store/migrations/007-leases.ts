import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Leases outlast connections: which app holds one, and until when it may come back for it. */
export const leases: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('requests').addColumn('app', 'text').execute()
    await db.schema.alterTable('requests').addColumn('away_until', 'bigint').execute()
    await db.schema.alterTable('requests').addColumn('away_reason', 'text').execute()
    await sql`create index requests_away on requests (away_until) where away_until is not null`.execute(db)
    // What has a deadline is begun and not finished, whatever its status is called.
    await sql`drop index requests_running`.execute(db)
    await sql`create index requests_begun on requests (space_id, deadline_at) where deadline_at is not null`.execute(db)
  },
}
