import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '../dialect.ts'

/** Spaces, requests and their events. Ids are time-ordered, so `id` is also the order of arrival. */
export const base: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createSpaces(db)
    await createRequests(db)
  },
}

async function createSpaces(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('spaces')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('owner_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('description', 'text', (c) => c.notNull())
    .addColumn('category', 'text', (c) => c.notNull())
    .addColumn('tags', 'text', (c) => c.notNull())
    .addColumn('emoji', 'text', (c) => c.notNull())
    .addColumn('visibility', 'text', (c) => c.notNull())
    .addColumn('inputs', 'text', (c) => c.notNull())
    .addColumn('examples', 'text', (c) => c.notNull())
    .addColumn('max_queue', 'integer', (c) => c.notNull())
    .addColumn('min_interval_seconds', 'integer', (c) => c.notNull())
    .addColumn('daily_quota', 'integer', (c) => c.notNull())
    .addColumn('deadline_seconds', 'integer', (c) => c.notNull())
    .addColumn('open_registration', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('cover_updated_at', 'bigint')
    .addColumn('last_seen_at', 'bigint')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('spaces_owner_name', ['owner_id', 'name'])
    .execute()
  await db.schema.createIndex('spaces_name').on('spaces').column('name').execute()
  await db.schema
    .createTable('space_covers')
    .addColumn('space_id', 'text', (c) => c.primaryKey())
    .addColumn('media_type', 'text', (c) => c.notNull())
    .addColumn('bytes', columnTypes(db).bytes, (c) => c.notNull())
    .execute()
}

async function createRequests(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('requests')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('space_id', 'text', (c) => c.notNull())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('input', 'text', (c) => c.notNull())
    .addColumn('result', 'text')
    .addColumn('error', 'text')
    .addColumn('progress', columnTypes(db).fraction)
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('last_seq', 'integer', (c) => c.notNull())
    .addColumn('output_chars', 'integer', (c) => c.notNull())
    .addColumn('lease_id', 'text')
    .addColumn('connection_id', 'text')
    .addColumn('instance', 'text')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('deadline_at', 'bigint')
    .addColumn('finished_at', 'bigint')
    .execute()
  await db.schema.createIndex('requests_history').on('requests').columns(['space_id', 'user_id', 'id']).execute()
  await db.schema.createIndex('requests_user').on('requests').columns(['user_id', 'id']).execute()
  // Partial indexes hold only what is alive, however long the history grows.
  await sql`create index requests_waiting on requests (space_id, id) where status = 'queued'`.execute(db)
  await sql`create index requests_claimable on requests (space_id, id) where status = 'queued' and lease_id is null`.execute(db)
  await sql`create index requests_running on requests (space_id, deadline_at) where status = 'processing'`.execute(db)
  await sql`create index requests_leased on requests (connection_id) where lease_id is not null`.execute(db)
  await sql`create table request_events (
    request_id text not null, seq integer not null, type text not null, data text not null, at bigint not null,
    primary key (request_id, seq)) ${columnTypes(db).clustered}`.execute(db)
}
