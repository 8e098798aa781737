import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What a space does with requests whose apps are lost or away. */
export const policy: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await addNumber(db, 'max_attempts', 3)
    // 0 = refuse what comes while no app is connected, as ever.
    await addNumber(db, 'hold_seconds', 0)
  },
}

async function addNumber(db: Kysely<unknown>, column: string, value: number): Promise<void> {
  await db.schema
    .alterTable('spaces')
    .addColumn(column, 'integer', (c) => c.notNull().defaultTo(value))
    .execute()
}
