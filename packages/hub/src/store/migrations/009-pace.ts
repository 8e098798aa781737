import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** How long the last requests of a space took, by index alone. */
export const pace: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`create index requests_completed on requests (space_id, finished_at, started_at) where status = 'completed'`.execute(db)
  },
}
