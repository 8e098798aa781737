import { accessSync, constants, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { DATABASE_FILE } from '../open-sqlite.ts'
import { sqliteCode } from '../sqlite.ts'
import { MoveRefused } from './refusal.ts'

const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/** Of SQLite and of Kysely: each database makes its own. */
const NOT_MOVED = "name not like 'sqlite\\_%' escape '\\' and name not like 'kysely\\_%' escape '\\'"

/** The SQLite file of a hub that does not run. */
export interface Source extends Disposable {
  readonly path: string
  /** The data directory it lies in. */
  readonly directory: string
  /** Names of the migrations it has been through. */
  readonly migrations: readonly string[]
  /** Names of each table's columns. */
  readonly tables: ReadonlyMap<string, readonly string[]>
  count(table: string): number
  rows(table: string): Iterable<Readonly<Record<string, SQLOutputValue>>>
}

/**
 * Opens a data directory, or the file in it, for reading only. Until it is closed, no hub can start on it, and what is read is
 * of one moment. Throws {@link MoveRefused}.
 */
export function openSource(given: string): Source {
  const path = fileAt(resolve(given))
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { readOnly: true })
    return read(db, path)
  } catch (error) {
    db?.close()
    throw explain(error, path)
  }
}

function fileAt(path: string): string {
  const file = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? join(path, DATABASE_FILE) : path
  if (statSync(file, { throwIfNoEntry: false }) === undefined) throw new MoveRefused('source_missing', { path: file })
  try {
    accessSync(file, constants.R_OK)
  } catch (error) {
    throw new MoveRefused('source_unreadable', { path: file, problem: 'EACCES' }, { cause: error })
  }
  return file
}

function read(db: DatabaseSync, path: string): Source {
  db.exec('begin')
  const names = namesIn(db, `select name from sqlite_schema where type = 'table' and ${NOT_MOVED} order by name`)
  const isHub = namesIn(db, "select name from sqlite_schema where name = 'kysely_migration'").length === 1
  if (!isHub) throw new MoveRefused('source_damaged', { path, problem: 'kysely_migration' })
  return {
    path,
    directory: dirname(path),
    migrations: namesIn(db, 'select name from kysely_migration order by name'),
    tables: new Map(names.map((name) => [name, namesIn(db, 'select name from pragma_table_info(?)', name)])),
    count: (table) => Number(db.prepare(`select count(*) as count from ${quoted(table)}`).get()?.['count']),
    rows: (table) => explaining(db.prepare(`select * from ${quoted(table)}`).iterate(), path),
    [Symbol.dispose]: () => db.close(),
  }
}

function namesIn(db: DatabaseSync, sql: string, ...values: string[]): string[] {
  return db
    .prepare(sql)
    .all(...values)
    .map(({ name }) => String(name))
}

/** A damaged page shows only when it is reached. */
function* explaining<T>(rows: Iterable<T>, path: string): Generator<T> {
  try {
    yield* rows
  } catch (error) {
    throw explain(error, path)
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function explain(error: unknown, path: string): unknown {
  const code = sqliteCode(error)
  if (code === undefined || !(error instanceof Error)) return error
  const problem = error.message
  if (code === SQLITE_BUSY) return new MoveRefused('source_in_use', { path }, { cause: error })
  if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) return new MoveRefused('source_damaged', { path, problem }, { cause: error })
  return new MoveRefused('source_unreadable', { path, problem }, { cause: error })
}
