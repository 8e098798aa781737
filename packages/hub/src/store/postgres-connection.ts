import { Kysely, type PostgresCursor, PostgresDialect, type PostgresPool, type PostgresPoolClient, type PostgresQueryResult } from 'kysely'
import type pg from 'pg'
import { isOutdated, translate } from './postgres-errors.ts'
import type { Prepared } from './prepared.ts'
import type { Tables } from './schema.ts'

/** What changes the schema, or waits for a turn to. */
const MAY_TAKE_LONG = /^(create|alter|drop|select pg_advisory_lock)/
const READS = /^select /

type Row = Record<string, unknown>

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
    this.#db ??= new Kysely<Tables>({ dialect: new PostgresDialect({ pool: poolOf(this) }) })
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

/** Of this one connection, which is never given back. */
function poolOf(connection: Connection): PostgresPool {
  const client: PostgresPoolClient = { query: connection.query.bind(connection), release: () => undefined }
  return { options: {}, connect: () => Promise.resolve(client), end: () => Promise.resolve() }
}

/** PostgreSQL keeps every character but NUL. */
function storable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(storable)
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value
}
