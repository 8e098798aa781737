import { Kysely, type PostgresCursor, PostgresDialect, type PostgresPool, type PostgresPoolClient, type PostgresQueryResult } from 'kysely'
import pg from 'pg'
import { SpacesError } from '@websocket-spaces/protocol'
import { Prepared } from './prepared.ts'
import type { Tables } from './schema.ts'

const DISK_FULL = '53100'
const UNIQUE_VIOLATION = '23505'
const DEADLOCK = '40P01'
/** A prepared statement no longer fits its table, since a later version of the hub has changed it; or is not there. */
const OUTDATED = /^(0A000|26000)$/
/** The connection broke, the server stops or starts, or it has no connection left. */
const UNREACHABLE = /^(08|57P|53300)/
/** bigint, which PostgreSQL's counts and our times are; all of them are far below 2^53. */
const INT8 = 20

const CONNECTIONS = 10
/** Milliseconds for a connection to be made or to become free. */
const PATIENCE = 10_000
/** Milliseconds after which an answer is taken to have got lost on the way, as when a cable is pulled. */
const ANSWER_WITHIN = 30_000
/** What changes the schema, or waits for a turn to. */
const MAY_TAKE_LONG = /^(create|alter|drop|select pg_advisory_lock)/
const READS = /^select /
/** Milliseconds after which PostgreSQL undoes the transaction of a node that froze in the middle of it, and frees its locks. */
const FROZEN = 10_000
/**
 * Plans are kept, also those made while a table was small: then reading all of it looks cheapest, and stays the plan
 * while the table grows. What the hub asks has an index. Compiling takes longer than any of it runs.
 */
const PLANNING = '-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off'

type Row = Record<string, unknown>

/** A pool of connections in the shape Kysely asks for, with our errors. It replaces broken connections by itself. */
export class PostgresServer implements PostgresPool {
  readonly options: object
  readonly #pool: pg.Pool
  readonly #answerWithin: number
  readonly #prepared = new Prepared()
  readonly #clients = new WeakMap<pg.PoolClient, Connection>()

  constructor(url: string, answerWithin = ANSWER_WITHIN) {
    this.#answerWithin = answerWithin
    const types = new pg.TypeOverrides()
    types.setTypeParser(INT8, Number)
    this.#pool = new pg.Pool({
      connectionString: url,
      max: CONNECTIONS,
      connectionTimeoutMillis: PATIENCE,
      idle_in_transaction_session_timeout: FROZEN,
      keepAlive: true,
      application_name: 'websocket-spaces',
      options: PLANNING,
      pipeline: true,
      types,
    })
    // An idle connection that breaks is out of the pool already; whoever needs one next gets a new one, or hears why not.
    this.#pool.on('error', () => undefined)
    this.options = this.#pool.options
  }

  async connect(): Promise<Connection> {
    const client = await this.#pool.connect().catch(translate)
    const known = this.#clients.get(client)
    if (known !== undefined) return known
    const connection = new Connection(client, this.#prepared, this.#answerWithin)
    this.#clients.set(client, connection)
    return connection
  }

  async end(): Promise<void> {
    await this.#pool.end()
  }
}

/** One connection of the pool. What is asked at the same time goes out together and is answered in order. */
export class Connection implements PostgresPoolClient {
  readonly #client: pg.PoolClient
  readonly #prepared: Prepared
  readonly #answerWithin: number
  #db: Kysely<Tables> | undefined
  #writes = 0
  #isCorked = false

  constructor(client: pg.PoolClient, prepared: Prepared, answerWithin: number) {
    this.#client = client
    this.#prepared = prepared
    this.#answerWithin = answerWithin
    // The pool listens only while nobody has the connection; without this, a break in between would end the process.
    client.on('error', () => undefined)
  }

  /** All that is run with it runs on this connection, which it never releases. */
  get db(): Kysely<Tables> {
    const borrowed: PostgresPoolClient = { query: this.query.bind(this), release: () => undefined }
    const pool: PostgresPool = { options: {}, connect: () => Promise.resolve(borrowed), end: () => Promise.resolve() }
    this.#db ??= new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
    return this.#db
  }

  /** Grows with every statement of {@link db} that may have written something. */
  get writes(): number {
    return this.#writes
  }

  query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>
  query<R>(text: string | PostgresCursor<R>, values: readonly unknown[] = []): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof text !== 'string') throw new TypeError('the hub reads without cursors')
    if (!READS.test(text)) this.#writes += 1
    return this.run<R>(text, values)
  }

  /** Breaks the connection when `destroy` is true, or when it is broken already. */
  release(destroy = false): void {
    this.#client.release(destroy)
  }

  async run<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    const givingUp = MAY_TAKE_LONG.test(text) ? undefined : setTimeout(() => this.#cut(), this.#answerWithin)
    try {
      return await this.#ask<R>(text, values.map(storable)).catch(translate)
    } finally {
      clearTimeout(givingUp)
    }
  }

  async #ask<R>(text: string, values: unknown[]): Promise<PostgresQueryResult<R>> {
    const name = this.#prepared.nameOf(text)
    if (name === undefined) return this.#send({ text, values })
    try {
      return await this.#send({ name, text, values })
    } catch (error) {
      if (!isOutdated(error)) throw error
      this.#prepared.renew(name)
      // A transaction has to begin anew.
      if (this.#client.getTransactionStatus() !== 'I') throw error
      return this.#send({ text, values })
    }
  }

  async #send<R>(query: pg.QueryConfig): Promise<PostgresQueryResult<R>> {
    this.#cork()
    const { command, rowCount, rows } = await this.#client.query<Row>(query)
    return { command: command as PostgresQueryResult<R>['command'], rowCount: rowCount ?? 0, rows: rows as R[] }
  }

  /** What is asked in one go goes out in one packet. */
  #cork(): void {
    if (this.#isCorked) return
    const { stream } = this.#client.connection
    this.#isCorked = true
    stream.cork()
    process.nextTick(() => {
      this.#isCorked = false
      stream.uncork()
    })
  }

  /** Ends what is waited for; the pool throws the connection away. */
  #cut(): void {
    this.#client.connection.stream.destroy()
  }
}

/** PostgreSQL keeps every character but NUL. */
function storable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(storable)
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value
}

function translate(error: unknown): never {
  const state = sqlState(error)
  if (state === DISK_FULL) throw new SpacesError('storage_full', {}, { cause: error })
  // What has no state comes not from PostgreSQL but from the way to it.
  const unreachable = state === undefined ? !(error instanceof TypeError) : UNREACHABLE.test(state)
  if (unreachable) throw new SpacesError('storage_unavailable', {}, { cause: error })
  throw error
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === UNIQUE_VIOLATION
}

/** Whether a transaction that failed so may succeed when it simply goes again. */
export function maySucceedAgain(error: unknown): boolean {
  return sqlState(error) === DEADLOCK || isOutdated(error)
}

function isOutdated(error: unknown): boolean {
  return OUTDATED.test(sqlState(error) ?? '')
}

/** The five characters of PostgreSQL's own errors, or undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined
}
