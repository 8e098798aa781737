import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { isPostgres } from '../dialect.ts'

/**
 * In SQLite one node holds all that is held, which other indexes have too: to keep this one would cost each request two
 * writes, and spare nothing.
 */
export const heldOnce: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    // A hub that was killed in the middle of this finds it dropped.
    if (!isPostgres(db)) await sql`drop index if exists requests_held`.execute(db)
  },
}
