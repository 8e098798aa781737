import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Which nodes there are, which apps are connected to each, and which node handed a request out. */
export const nodes: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('nodes')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .execute()
    await db.schema
      .createTable('connections')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('node_id', 'text', (c) => c.notNull())
      .addColumn('space_id', 'text', (c) => c.notNull())
      .addColumn('space', 'text', (c) => c.notNull())
      .addColumn('token_id', 'text')
      .addColumn('instance', 'text')
      .addColumn('sdk', 'text')
      .addColumn('address', 'text', (c) => c.notNull())
      .addColumn('transport', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('concurrency', 'integer', (c) => c.notNull())
      .addColumn('prefetch', 'integer', (c) => c.notNull())
      .addColumn('connected_at', 'bigint', (c) => c.notNull())
      .addColumn('shown_out', 'integer', (c) => c.notNull().defaultTo(0))
      .execute()
    await db.schema.createIndex('connections_space').on('connections').column('space_id').execute()
    await db.schema.createIndex('connections_node').on('connections').column('node_id').execute()
    await db.schema.alterTable('requests').addColumn('node_id', 'text').execute()
    await sql`create index requests_held on requests (node_id) where lease_id is not null`.execute(db)
  },
}
