import { type Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { StartupError } from '../startup-error.ts'
import { migrations } from './migrations/index.ts'
import type { Tables } from './schema.ts'

export type Database = Kysely<Tables>

export interface OpenDatabase extends AsyncDisposable {
  readonly db: Database
  readonly type: 'sqlite' | 'postgres'
  /** Runs `work` while no other hub on this database runs anything here. */
  alone<T>(work: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Brings the schema up to date. `path` is what messages call the database. Throws `database_newer`. */
export async function migrate(db: Database, path: string): Promise<void> {
  const unknown = await newerMigration(db)
  if (unknown !== undefined) throw new StartupError('database_newer', { path, migration: unknown })
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}

/** A migration this program does not know was run by a later version of it. */
async function newerMigration(db: Database): Promise<string | undefined> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some((table) => table.name === 'kysely_migration')) return undefined
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return rows.find((row) => !Object.hasOwn(migrations, row.name))?.name
}
