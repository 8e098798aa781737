import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Which request a user's `Idempotency-Key` made, so that a repeated submit finds it. */
export const idempotency: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('submissions')
      .addColumn('user_id', 'text', (c) => c.notNull())
      .addColumn('space_id', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('fingerprint', 'text', (c) => c.notNull())
      .addColumn('request_id', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('submissions_key', ['user_id', 'space_id', 'key'])
      .execute()
    await db.schema.createIndex('submissions_request').on('submissions').column('request_id').execute()
  },
}
