import type { PostgresPool } from 'kysely'
import pg from 'pg'
import { Connection } from './postgres-connection.ts'
import { translate } from './postgres-errors.ts'
import { Prepared } from './prepared.ts'

/** bigint, which PostgreSQL's counts and our times are; all of them are far below 2^53. */
const INT8 = 20

const CONNECTIONS = 10
/** Milliseconds for a connection to be made or to become free. */
const PATIENCE = 10_000
/** Milliseconds after which an answer is taken to have got lost on the way, as when a cable is pulled; longer than {@link FROZEN}. */
const ANSWER_WITHIN = 15_000
/** Milliseconds after which PostgreSQL undoes the transaction of a node that froze in the middle of it, and frees its locks. */
const FROZEN = 10_000
/**
 * Plans are kept, also those made while a table was small: then reading all of it looks cheapest, and stays the plan
 * while the table grows. What the hub asks has an index. Compiling takes longer than any of it runs.
 */
const PLANNING = '-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off'

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
