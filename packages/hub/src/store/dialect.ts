/** All that the two databases do differently once they are open. SQLite has one writer at a time, so that its locks are no-ops. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Kysely, PostgresAdapter, type RawBuilder, sql, type SqlBool } from 'kysely'
import { groupOf } from './group-commit.ts'
import { isUniqueViolation } from './postgres-errors.ts'
import { type Place, sharingOf, transactAlone } from './postgres-group.ts'
import type { Tables } from './schema.ts'
import { isConstraintViolation } from './sqlite.ts'

type Database = Kysely<Tables>

interface AnyDialect {
  getExecutor(): { readonly adapter: object }
}

export function isPostgres(db: AnyDialect): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

interface TransactOptions<T> {
  readonly durable?: boolean
  /** Called when transactions that begin from now on come after this one; not when it fails, unless it is too early to know. */
  readonly onPlaced?: (() => void) | undefined
  /** Called when it is committed: perhaps before the disk has it. Must not throw. */
  readonly onCommitted?: ((value: T) => void) | undefined
  /** Called when the disk has it. Whoever asks for that does not wait for it. Not when it fails; must not throw. */
  readonly onLasting?: ((value: T) => void) | undefined
  /** PostgreSQL only: what may share a commit with others. Without it, this has a transaction of its own. */
  readonly place?: Place
}

/**
 * Runs `work` in a transaction; resolves when it is committed and on the disk, or, unless it is to be `durable`, perhaps
 * before the disk has it. `work` may run more than once and so must do nothing but read and write through `tx`.
 */
export function transact<T>(db: Database, work: (tx: Database) => Promise<T>, options: TransactOptions<T> = {}): Promise<T> {
  const group = groupOf(db)
  if (group === undefined) return transactOnPostgres(db, work, options)
  const { durable = true, onPlaced, onCommitted, onLasting } = options
  const done = group.run(work, { durable: durable && onLasting === undefined, onCommitted, onLasting })
  onPlaced?.()
  return done
}

async function transactOnPostgres<T>(
  db: Database,
  work: (tx: Database) => Promise<T>,
  { onPlaced, onCommitted, onLasting, place }: TransactOptions<T>,
): Promise<T> {
  const sharing = place === undefined ? undefined : sharingOf(db)
  const value = place === undefined || sharing === undefined ? await transactAlone(db, work) : await sharing.run(work, place)
  onPlaced?.()
  onCommitted?.(value)
  onLasting?.(value)
  return value
}

/** What was read from `db`, once all that the read may have seen is on the disk: nobody is told of what a power cut can undo. */
export async function lasting<T>(db: Database, read: Promise<T>): Promise<T> {
  const value = await read
  await groupOf(db)?.flushed()
  return value
}

/**
 * Resolves when all who wait for what is committed by now have been told. Turns of the event loop put it behind them:
 * whoever was told goes on in the turn in which the flush ended.
 */
export async function told(db: Database): Promise<void> {
  const group = groupOf(db)
  if (group === undefined) return
  await group.asked()
  await nextTurn()
}

interface Lockable<Table extends string, Query> {
  forUpdate(of: Table): Query
}

/** Has a select hold its rows of one table until the transaction ends: whoever else wants them waits. */
export function locking<Table extends string, Query extends Lockable<Table, Query>>(db: Database, table: Table, query: Query): Query {
  return isPostgres(db) ? query.forUpdate(table) : query
}

interface Skippable<Table extends string, Query> extends Lockable<Table, Query> {
  skipLocked(): Query
}

/** As {@link locking}, but rows that somebody else holds are passed over: nodes that claim at the same time get different ones. */
export function claiming<Table extends string, Query extends Skippable<Table, Query>>(db: Database, table: Table, query: Query): Query {
  return isPostgres(db) ? query.forUpdate(table).skipLocked() : query
}

/** Until the transaction ends, nobody else gets past here with the same words: for checks that no single row stands for. */
export async function takeTurn(tx: Database, ...words: readonly string[]): Promise<void> {
  if (isPostgres(tx)) await sql`select pg_advisory_xact_lock(hashtextextended(${words.join(' ')}, 0))`.execute(tx)
}

/** Whether a write was refused because of a unique key. */
export function isTaken(error: unknown): boolean {
  return isConstraintViolation(error) || isUniqueViolation(error)
}

/** Whether a text holds another, in any case of its letters. */
export function containing(db: Database, column: string, text: string): RawBuilder<SqlBool> {
  const pattern = `%${text.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`
  return sql<SqlBool>`${sql.ref(column)} ${sql.raw(isPostgres(db) ? 'ilike' : 'like')} ${pattern} escape '\\'`
}

/** What migrations write differently. */
export function columnTypes(db: AnyDialect) {
  const postgres = isPostgres(db)
  return {
    bytes: postgres ? sql`bytea` : sql`blob`,
    fraction: postgres ? sql`double precision` : sql`real`,
    /** After a table's columns: its rows lie in the order of the primary key. */
    clustered: postgres ? sql`` : sql`without rowid`,
  }
}
