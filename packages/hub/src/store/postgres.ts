import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import pg from 'pg'
import { SpacesError } from '@websocket-spaces/protocol'

const DISK_FULL = '53100'
const UNIQUE_VIOLATION = '23505'
const DEADLOCK = '40P01'
/** The connection broke, the server stops or starts, or it has no connection left. */
const UNREACHABLE = /^(08|57P|53300)/
/** bigint, which PostgreSQL's counts and our times are; all of them are far below 2^53. */
const INT8 = 20

const CONNECTIONS = 10
/** Milliseconds for a connection to be made or to become free. */
const PATIENCE = 10_000
/** Milliseconds after which an answer is taken to have got lost on the way, as when a cable is pulled; longer than {@link FROZEN}. */
const ANSWER_WITHIN = 15_000
/** What changes the schema, or waits for a turn to. */
const MAY_TAKE_LONG = /^(create|alter|drop|select pg_advisory_lock)/
/** Milliseconds after which PostgreSQL undoes the transaction of a node that froze in the middle of it, and frees its locks. */
const FROZEN = 10_000

type Row = Record<string, unknown>

/** A pool of connections in the shape Kysely asks for, with our errors. It replaces broken connections by itself. */
export class PostgresServer implements PostgresPool {
  readonly options: object
  readonly #pool: pg.Pool
  readonly #answerWithin: number
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
      types,
    })
    // An idle connection that breaks is out of the pool already; whoever needs one next gets a new one, or hears why not.
    this.#pool.on('error', () => undefined)
    this.options = this.#pool.options
  }

  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect().catch(translate)
    const known = this.#clients.get(client)
    if (known !== undefined) return known
    const connection = new Connection(client, this.#answerWithin)
    this.#clients.set(client, connection)
    return connection
  }

  async end(): Promise<void> {
    await this.#pool.end()
  }
}

/** One connection of the pool. */
class Connection implements PostgresPoolClient {
  readonly #client: pg.PoolClient
  readonly #answerWithin: number

  constructor(client: pg.PoolClient, answerWithin: number) {
    this.#client = client
    this.#answerWithin = answerWithin
    // The pool listens only while nobody has the connection; without this, a break in between would end the process.
    client.on('error', () => undefined)
  }

  query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>
  query<R>(text: string | PostgresCursor<R>, values: readonly unknown[] = []): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof text !== 'string') throw new TypeError('the hub reads without cursors')
    return this.#run<R>(text, values)
  }

  /** Breaks the connection when `destroy` is true, or when it is broken already. */
  release(destroy = false): void {
    this.#client.release(destroy)
  }

  async #run<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    const givingUp = MAY_TAKE_LONG.test(text) ? undefined : setTimeout(() => this.#cut(), this.#answerWithin)
    try {
      const { command, rowCount, rows } = await this.#client.query<Row>(text, values.map(storable)).catch(translate)
      return { command: command as PostgresQueryResult<R>['command'], rowCount: rowCount ?? 0, rows: rows as R[] }
    } finally {
      clearTimeout(givingUp)
    }
  }

  /** Ends what is waited for; the pool throws the connection away. */
  #cut(): void {
    if (this.#client instanceof pg.Client) this.#client.end().catch(() => undefined)
  }
}

/** PostgreSQL keeps every character but NUL. */
function storable(value: unknown): unknown {
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

export function isDeadlock(error: unknown): boolean {
  return sqlState(error) === DEADLOCK
}

/** The five characters of PostgreSQL's own errors, or undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined
}
