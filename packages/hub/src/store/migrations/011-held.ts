import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What a node holds, and what each of its connections does, by one index: both are written with every request. */
export const held: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`drop index requests_leased`.execute(db)
    await sql`drop index requests_held`.execute(db)
    await sql`create index requests_held on requests (node_id, connection_id) where lease_id is not null`.execute(db)
  },
}
