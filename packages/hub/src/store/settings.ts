import type { SettingsStore } from '../accounts/ports.ts'
import type { Database } from './database.ts'

export function createSettingsStore(db: Database): SettingsStore {
  return {
    async get(key) {
      const row = await db.selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst()
      return row?.value ?? null
    },
    async set(key, value) {
      if (value === null) {
        await db.deleteFrom('settings').where('key', '=', key).execute()
        return
      }
      await db
        .insertInto('settings')
        .values({ key, value })
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
        .execute()
    },
  }
}
