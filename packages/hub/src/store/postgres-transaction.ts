/** One transaction of PostgreSQL for several units of work, on one connection. */
import type { CompiledQuery, Kysely } from 'kysely'
import type { Connection } from './postgres-connection.ts'
import type { Tables } from './schema.ts'

type Database = Kysely<Tables>

/**
 * Milliseconds to wait for a lock that somebody else holds. Whoever waits longer goes alone, so that the others of its
 * transaction do not wait with it.
 */
const LOCK_PATIENCE = 1_000
const BEGIN = `begin; set local lock_timeout = ${LOCK_PATIENCE}`

const shares = new WeakMap<Database, Share>()

/** The share that `db` is of a transaction; undefined where it is none. */
export function shareOf(db: Database): Share | undefined {
  return shares.get(db)
}

/** Writes rows that nobody reads in the same transaction. */
export type LateWrite<Row> = (db: Database, rows: readonly Row[]) => Promise<unknown>

export class SharedTransaction {
  readonly #connection: Connection
  readonly #answers = new Map<string, Promise<unknown>>()
  readonly #late = new Map<LateWrite<unknown>, unknown[]>()
  #failure: { readonly error: unknown } | undefined

  constructor(connection: Connection) {
    this.#connection = connection
    // Not waited for: what comes next is answered after it.
    this.note(connection.run(BEGIN, []))
  }

  /** The first error of the database: after it PostgreSQL answers nothing any more, and undoes everything. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  /** For one unit of work. */
  share(): { readonly tx: Database; readonly share: Share } {
    const tx = this.#connection.db.withoutPlugins()
    const share = new Share(this, this.#connection)
    shares.set(tx, share)
    return { tx, share }
  }

  /** The answer to what was asked here under this name before, or else now. */
  async once<T>(name: string, ask: () => Promise<T>): Promise<T> {
    const answer = (this.#answers.get(name) as Promise<T> | undefined) ?? ask()
    this.#answers.set(name, answer)
    return answer
  }

  /** Rows of all units are written by one statement, before the commit. */
  addLate<Row>(write: LateWrite<Row>, row: Row): void {
    const rows = this.#late.get(write as LateWrite<unknown>)
    if (rows === undefined) this.#late.set(write as LateWrite<unknown>, [row])
    else rows.push(row)
  }

  /** False when the database has undone it. Rejects when nobody knows. */
  async commit(): Promise<boolean> {
    const { tx } = this.share()
    for (const [write, rows] of this.#late) this.note(write(tx, rows))
    const { command } = await this.#connection.run('commit', [])
    return command === 'COMMIT'
  }

  async rollback(): Promise<void> {
    await this.#connection.run('rollback', [])
  }

  note(sent: Promise<unknown>): void {
    sent.catch((error: unknown) => {
      this.#failure ??= { error }
    })
  }
}

/** One unit's share: knows whether it wrote. */
export class Share {
  readonly #transaction: SharedTransaction
  readonly #connection: Connection
  readonly #othersBefore: number
  #wrote = false

  constructor(transaction: SharedTransaction, connection: Connection) {
    this.#transaction = transaction
    this.#connection = connection
    this.#othersBefore = connection.writes
  }

  /** Whether it may have written something. */
  get wrote(): boolean {
    // Of what did not come through here nobody knows whose it was.
    return this.#wrote || this.#connection.writes !== this.#othersBefore
  }

  /** See {@link SharedTransaction.once}: for what stays true until the transaction ends, as what a lock was taken for. */
  async once<T>(name: string, ask: () => Promise<T>): Promise<T> {
    return this.#transaction.once(name, ask)
  }

  writeLate<Row>(write: LateWrite<Row>, row: Row): void {
    this.#wrote = true
    this.#transaction.addLate(write, row)
  }

  /** Rejects with an error of the database. */
  async read<R>(query: CompiledQuery<R>, values: readonly unknown[]): Promise<R[]> {
    const sent = this.#connection.run<R>(query.sql, values)
    this.#transaction.note(sent)
    return (await sent).rows
  }

  /** How many rows it changed. Rejects with an error of the database. */
  async change(query: CompiledQuery, values: readonly unknown[]): Promise<number> {
    this.#wrote = true
    const sent = this.#connection.run(query.sql, values)
    this.#transaction.note(sent)
    return (await sent).rowCount
  }

  /** Returns before it is done: what comes next is answered after it, and when it fails the commit does. */
  write(query: CompiledQuery, values: readonly unknown[]): void {
    this.#wrote = true
    this.#transaction.note(this.#connection.run(query.sql, values))
  }
}
