import { Kysely, PostgresDialect, sql } from 'kysely'
import { SpacesError } from '@websocket-spaces/protocol'
import { StartupError } from '../startup-error.ts'
import { type Database, migrate, type OpenDatabase } from './database.ts'
import { PostgresServer } from './postgres.ts'
import { sqlState } from './postgres-errors.ts'
import { shareCommits } from './postgres-group.ts'
import type { Tables } from './schema.ts'

/** Wrong user or password, no such database, or not allowed to make tables in it. */
const REFUSED = /^(28|3D|42501)/

/**
 * Connects to PostgreSQL and brings the schema up to date; of hubs that start at the same time, one after the other.
 * `prepare` is what is done alone at first, given what messages call the database; by default that is to migrate.
 * Throws {@link StartupError}, whose text never has the password.
 */
export async function openPostgres(url: string, prepare: typeof migrate = migrate): Promise<OpenDatabase> {
  const server = new PostgresServer(url)
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: server }) })
  shareCommits(db, server)
  const close = (): Promise<void> => db.destroy()
  try {
    await alone(db, () => prepare(db, named(url)))
  } catch (error) {
    await close()
    throw explain(error, url)
  }
  return { db, type: 'postgres', alone: (work) => alone(db, work), close, [Symbol.asyncDispose]: close }
}

/** The lock belongs to a connection of its own, so that PostgreSQL frees it when the hub dies. */
async function alone<T>(db: Database, work: () => Promise<T>): Promise<T> {
  return db.connection().execute(async (connection) => {
    await sql`select pg_advisory_lock(hashtextextended('websocket-spaces', 0))`.execute(connection)
    try {
      return await work()
    } finally {
      await sql`select pg_advisory_unlock(hashtextextended('websocket-spaces', 0))`.execute(connection)
    }
  })
}

/** `host:port/database`: what messages call it. */
export function named(url: string): string {
  const { host, pathname, searchParams } = new URL(url)
  return `${searchParams.get('host') ?? (host === '' ? 'localhost' : host)}${pathname}`
}

function explain(error: unknown, url: string): unknown {
  if (error instanceof StartupError) return error
  const database = named(url)
  if (error instanceof SpacesError && error.code === 'storage_full')
    return new StartupError('disk_full', { path: database }, { cause: error })
  if (error instanceof SpacesError && error.code === 'storage_unavailable')
    return new StartupError('database_unreachable', { database, problem: reasonOf(error.cause) }, { cause: error })
  if (error instanceof Error && REFUSED.test(sqlState(error) ?? ''))
    return new StartupError('database_refused', { database, problem: error.message.split('\n')[0] ?? '' }, { cause: error })
  return error
}

/** Such as ECONNREFUSED; where there is no code, what was said. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return 'code' in cause ? String(cause.code) : cause.message
}
