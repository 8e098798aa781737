import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Whether the app that holds a request renews its leases: whoever finds its node dead gives it less time to come back. */
export const renews: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('requests').addColumn('renews', 'integer').execute()
  },
}
