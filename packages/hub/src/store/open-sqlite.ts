import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Kysely, SqliteDialect } from 'kysely'
import { SpacesError } from '@websocket-spaces/protocol'
import { StartupError } from '../startup-error.ts'
import { migrate, type OpenDatabase } from './database.ts'
import { commitInGroups, GroupCommit } from './group-commit.ts'
import type { Tables } from './schema.ts'
import { sqliteCode, SqliteFile } from './sqlite.ts'

/**
 * `full`: a commit has reached the disk before anybody is told "accepted", power cuts included.
 * `normal`: it survives the hub's own crash, but the last commits before a power cut may be missing.
 */
export type Synchronous = 'full' | 'normal'

/** In the data directory. */
export const DATABASE_FILE = 'hub.sqlite'

const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_CANTOPEN = 14
const SQLITE_READONLY = 8
const SQLITE_NOTADB = 26

/**
 * Opens {@link DATABASE_FILE} in the data directory, made when missing, and brings its schema up to date.
 * The file is held exclusively while open: two hubs on one file would each hand out the same requests.
 * Throws {@link StartupError}.
 */
export async function openSqlite(dataDir: string, synchronous: Synchronous): Promise<OpenDatabase> {
  const path = join(dataDir, DATABASE_FILE)
  try {
    makeDirectory(dataDir)
    const file = openFile(path, synchronous)
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: file }) })
    const log = openSync(`${path}-wal`, 'r')
    let closing: Promise<void> | undefined
    const group = new GroupCommit(db, file, synchronous === 'full' ? log : null)
    const close = async (): Promise<void> => {
      // Whoever waits for what was written hears of a failure.
      await group.flushed().catch(() => undefined)
      await db.destroy()
      file.close()
      closeSync(log)
    }
    try {
      await migrate(db, path)
      file.serve(db)
      commitInGroups(db, group)
    } catch (error) {
      await close()
      throw error
    }
    return {
      db,
      type: 'sqlite',
      alone: (work) => work(),
      close: () => (closing ??= close()),
      [Symbol.asyncDispose]: () => (closing ??= close()),
    }
  } catch (error) {
    throw explain(error, dataDir, path)
  }
}

/** Not `mkdir` with `recursive`: that never returns where the kernel answers ENOENT for ever, as under /proc. */
function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return
  if (dirname(path) !== path) makeDirectory(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

function openFile(path: string, synchronous: Synchronous): SqliteFile {
  // SQLite gives its side files the permissions of this one, so it is private before SQLite opens it.
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
  const file = new SqliteFile(path)
  try {
    file.exec('pragma locking_mode = exclusive')
    file.exec('pragma journal_mode = wal')
    file.exec(`pragma synchronous = ${synchronous}`)
    file.exec('pragma cache_size = -65536')
    // Pages of the log before they go to their places; most are the same few ones over and over.
    file.exec('pragma wal_autocheckpoint = 4000')
    file.exec('begin immediate; commit')
    return file
  } catch (error) {
    file.close()
    throw error
  }
}

function explain(error: unknown, dataDir: string, path: string): unknown {
  if (error instanceof StartupError) return error
  const problem = error instanceof Error ? error.message : String(error)
  if (error instanceof SpacesError && error.code === 'storage_full') return new StartupError('disk_full', { path }, { cause: error })
  const result = sqliteCode(error)
  if (result === SQLITE_BUSY) return new StartupError('data_dir_in_use', { path: dataDir }, { cause: error })
  if (result === SQLITE_CANTOPEN || result === SQLITE_READONLY)
    return new StartupError('data_dir_unwritable', { path: dataDir, problem }, { cause: error })
  if (result === SQLITE_CORRUPT || result === SQLITE_NOTADB)
    return new StartupError('database_damaged', { path, problem }, { cause: error })
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOSPC') return new StartupError('disk_full', { path }, { cause: error })
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST' || code === 'ENOENT')
    return new StartupError('data_dir_unwritable', { path: dataDir, problem }, { cause: error })
  return error
}
