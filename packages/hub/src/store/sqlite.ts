import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { Kysely, SqliteDatabase, SqliteStatement } from 'kysely'
import { SpacesError } from '@websocket-spaces/protocol'
import type { Tables } from './schema.ts'

type Database = Kysely<Tables>

const SQLITE_FULL = 13
const SQLITE_CONSTRAINT = 19
const CACHED_STATEMENTS = 256
const READS = /^(select|begin|commit|rollback|savepoint|release|pragma)\b/i
const BEGINS = /^begin\b/i
export const BEGIN = 'begin immediate'

const files = new WeakMap<Database, { readonly file: SqliteFile; readonly inTransaction: boolean }>()

/** The file that a statement of `db` may use at once; undefined where it has to wait its turn, or there is none. */
export function sqliteOf(db: Database): SqliteFile | undefined {
  const served = files.get(db)
  // Outside it, a transaction's writes are not to be seen before they are committed.
  return served !== undefined && served.file.isTransaction === served.inTransaction ? served.file : undefined
}

/**
 * `node:sqlite` in the shape Kysely's own SQLite dialect asks for. Prepared statements are
 * kept by their text: a transaction of three statements runs about three times as fast.
 */
export class SqliteFile implements SqliteDatabase {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, SqliteStatement>()
  #writes = 0
  /** Commits as it was opened, or without waiting for the disk. */
  #synchronous: 'as opened' | 'normal' = 'as opened'
  #begin: SqliteStatement | undefined

  constructor(path: string) {
    this.#db = new DatabaseSync(path)
  }

  get isTransaction(): boolean {
    return this.#db.isTransaction
  }

  /** Grows with every statement that may have written something. */
  get writes(): number {
    return this.#writes
  }

  /** Statements of `db` may go straight to this file while no transaction of somebody else's is open. */
  serve(db: Database): void {
    files.set(db, { file: this, inTransaction: false })
  }

  /** Statements of `connection` belong to the transaction that is open now. */
  lendTo(connection: Database): void {
    files.set(connection, { file: this, inTransaction: true })
  }

  /** Begins a transaction whose commit does not wait for the disk, which is then its owner's to do. */
  beginWithoutDisk(): void {
    if (this.#synchronous !== 'normal') this.exec('pragma synchronous = normal')
    this.#synchronous = 'normal'
    this.#begin ??= wrap(this.#db.prepare(BEGIN))
    this.#begin.run([])
  }

  /** For what opens a file and sets it up: no writes. */
  exec(sql: string): void {
    translateErrors(() => this.#db.exec(sql))
  }

  /** As {@link exec}, for what is run often. */
  run(sql: string): void {
    this.prepare(sql).run([])
  }

  prepare(sql: string): SqliteStatement {
    const cached = this.#statements.get(sql)
    if (cached !== undefined) return cached
    const statement = sql === 'rollback' ? this.#rollback() : wrap(this.#db.prepare(sql), this.#before(sql))
    if (this.#statements.size >= CACHED_STATEMENTS) this.#forgetOldest()
    this.#statements.set(sql, statement)
    return statement
  }

  close(): void {
    this.#statements.clear()
    if (this.#db.isOpen) this.#db.close()
  }

  /** What is to be done each time a statement is run. */
  #before(sql: string): (() => void) | undefined {
    if (BEGINS.test(sql)) return () => this.#waitForDisk()
    if (READS.test(sql)) return undefined
    return () => {
      this.#writes += 1
      this.#waitForDisk()
    }
  }

  /** Before others begin a transaction, or write without one. Not at the end of every group: most of the time another one comes next. */
  #waitForDisk(): void {
    if (this.#synchronous === 'as opened' || this.#db.isTransaction) return
    this.exec('pragma synchronous = full')
    this.#synchronous = 'as opened'
  }

  /** After a full disk SQLite has rolled back by itself; a second time would hide why. */
  #rollback(): SqliteStatement {
    const statement = wrap(this.#db.prepare('rollback'))
    const run: SqliteStatement['run'] = (parameters) =>
      this.#db.isTransaction ? statement.run(parameters) : { changes: 0, lastInsertRowid: 0 }
    return { ...statement, run }
  }

  #forgetOldest(): void {
    const oldest = this.#statements.keys().next()
    if (!oldest.done) this.#statements.delete(oldest.value)
  }
}

function wrap(statement: StatementSync, before?: () => void): SqliteStatement {
  const names = statement.columns().map(({ name }) => name)
  // Node's own objects for rows are slow to make, to read and, above all, to copy.
  statement.setReturnArrays(true)
  return {
    reader: names.length > 0,
    all(parameters) {
      before?.()
      const rows: unknown[] = translateErrors(() => statement.all(...parameters.map(bindable)))
      return rows.map((values) => toRow(names, values))
    },
    run(parameters) {
      before?.()
      return translateErrors(() => statement.run(...parameters.map(bindable)))
    },
    *iterate(parameters) {
      before?.()
      for (const values of statement.iterate(...parameters.map(bindable))) yield toRow(names, values)
    },
  }
}

function toRow(names: readonly string[], values: unknown): Record<string, unknown> {
  if (!Array.isArray(values)) throw new TypeError('a row of SQLite is no list of values')
  const row: Record<string, unknown> = {}
  for (let index = 0; index < names.length; index += 1) row[names[index] ?? ''] = values[index]
  return row
}

/** An object in first place would be taken for named parameters and store NULLs, so only plain values pass. */
function bindable(value: unknown): SQLInputValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value
  if (value === undefined || value === null) return null
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return value
  throw new TypeError(`cannot store a ${typeof value} in SQLite`)
}

function translateErrors<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (sqliteCode(error) === SQLITE_FULL) throw new SpacesError('storage_full', {}, { cause: error })
    throw error
  }
}

export function isConstraintViolation(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_CONSTRAINT
}

/** The primary result code of an error from SQLite, or undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}
