import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Users take turns in a space, the more urgent requests first; what apps keep in their own queues comes before all. */
export const fairness: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await addColumns(db)
    // From now on each user of those who wait already has the first, then the second …
    await sql`
      update requests set turn = placed.turn
      from (
        select id, 2 * row_number() over (partition by space_id, user_id order by id) as turn from requests where status = 'queued'
      ) as placed
      where requests.id = placed.id`.execute(db)
    await sql`drop index requests_waiting`.execute(db)
    await sql`drop index requests_claimable`.execute(db)
    await sql`create index requests_unfinished on requests (space_id, user_id, priority, turn) where finished_at is null`.execute(db)
    // With the lease, so that SQLite can count by these indexes alone.
    await sql`create index requests_claimable on requests (space_id, priority desc, turn, id, lease_id)
      where status = 'queued' and lease_id is null`.execute(db)
    await sql`create index requests_handed on requests (space_id, handed_at, priority desc, turn, id, lease_id)
      where status = 'queued' and lease_id is not null`.execute(db)
  },
}

async function addColumns(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('requests')
    .addColumn('priority', 'integer', (c) => c.notNull().defaultTo(1))
    .execute()
  await db.schema
    .alterTable('requests')
    .addColumn('turn', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute()
  await db.schema.alterTable('requests').addColumn('handed_at', 'bigint').execute()
}
