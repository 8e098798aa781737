import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** How often an app was lost while it worked on a request; and long histories read by index alone. */
export const history: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .alterTable('requests')
      .addColumn('losses', 'integer', (c) => c.notNull().defaultTo(0))
      .execute()
    await db.schema.createIndex('requests_space').on('requests').columns(['space_id', 'id']).execute()
    await sql`create index requests_finished on requests (finished_at) where finished_at is not null`.execute(db)
  },
}
