import type { OpenDatabase } from './database.ts'
import { openPostgres } from './open-postgres.ts'
import { openSqlite, type Synchronous } from './open-sqlite.ts'

export interface Storage {
  /** `postgres://…`; without it everything is kept in one SQLite file in the data directory. */
  readonly databaseUrl?: string | undefined
  readonly dataDir: string
  /** SQLite only. */
  readonly synchronous?: Synchronous
}

/** Opens the database the settings name and brings its schema up to date. Throws `StartupError`. */
export async function openDatabase({ databaseUrl, dataDir, synchronous = 'full' }: Storage): Promise<OpenDatabase> {
  return databaseUrl === undefined ? openSqlite(dataDir, synchronous) : openPostgres(databaseUrl)
}
