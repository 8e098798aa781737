import type { Kysely } from 'kysely'
import { SpacesError } from '@websocket-spaces/protocol'
import type { PostgresServer } from './postgres.ts'
import { maySucceedAgain } from './postgres-errors.ts'
import { SharedTransaction } from './postgres-transaction.ts'
import type { Tables } from './schema.ts'

type Database = Kysely<Tables>

/** In one transaction: whoever wants the same rows, on this node or another, waits for all of them. */
const MOST_UNITS = 64
/** A deadlock is undone by the database for one of its two sides, which then simply goes again. */
const MOST_TRIES = 5

/** Which transactions may share a commit, and which of them must come one after the other. */
export interface Place {
  /** Kinds of work run beside each other. */
  readonly lane: string
  /** What the work locks: of those with the same word one begins when the one before has ended. */
  readonly key: string
}

interface Unit {
  readonly key: string
  /** Runs the work; says how to tell its caller. Rejects when its writes are to be undone. */
  readonly run: (tx: Database) => Promise<() => void>
  /** Runs it in a transaction of its own, and tells its caller. */
  readonly runAlone: () => Promise<void>
  readonly fail: (error: unknown) => void
}

type Told = Map<Unit, () => void>

/**
 * PostgreSQL's transactions, one commit for all of a lane that come in the same turn of the event loop, or while the
 * ones before are committed. Their statements go out without waiting for each other's answers, except those with the
 * same key. When one has to be undone, all are, and each runs again in a transaction of its own.
 */
export class PostgresGroup {
  readonly #db: Database
  readonly #server: PostgresServer
  readonly #lanes = new Map<string, Lane>()

  constructor(db: Database, server: PostgresServer) {
    this.#db = db
    this.#server = server
  }

  /** Resolves when the work is committed. `storage_unavailable`: it may be, and it may not. */
  async run<T>(work: (tx: Database) => Promise<T>, { lane, key }: Place): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const run = async (tx: Database): Promise<() => void> => {
      const value = await work(tx)
      return () => resolve(value)
    }
    const runAlone = (): Promise<void> => transactAlone(this.#db, work).then(resolve, reject)
    this.#laneOf(lane).add({ key, run, runAlone, fail: reject })
    return promise
  }

  #laneOf(name: string): Lane {
    const lane = this.#lanes.get(name) ?? new Lane(this.#server)
    this.#lanes.set(name, lane)
    return lane
  }
}

/** One transaction at a time. */
class Lane {
  readonly #server: PostgresServer
  readonly #alone = new Map<string, number>()
  #waiting: Unit[] = []
  #isBusy = false

  constructor(server: PostgresServer) {
    this.#server = server
  }

  add(unit: Unit): void {
    this.#waiting.push(unit)
    if (this.#isBusy) return
    this.#isBusy = true
    // After all sockets that are readable in this turn have been read.
    setImmediate(() => void this.#commitAll())
  }

  async #commitAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const units = this.#waiting.splice(0, MOST_UNITS)
      // Somebody may hold for long what one of the same key waits for; the others are not to wait, too.
      const [alone, together] = [units.filter(({ key }) => this.#alone.has(key)), units.filter(({ key }) => !this.#alone.has(key))]
      for (const unit of alone) void this.#runAlone(unit)
      if (together.length > 0) await this.#commit(together)
    }
    this.#isBusy = false
  }

  async #commit(units: readonly Unit[]): Promise<void> {
    try {
      const told = await this.#commitTogether(units)
      if (told !== null) for (const tell of told.values()) tell()
      else for (const unit of units) void this.#runAlone(unit)
    } catch (error) {
      for (const unit of units) unit.fail(error)
    }
  }

  async #runAlone({ key, runAlone }: Unit): Promise<void> {
    this.#alone.set(key, (this.#alone.get(key) ?? 0) + 1)
    await runAlone()
    const left = (this.#alone.get(key) ?? 0) - 1
    if (left > 0) this.#alone.set(key, left)
    else this.#alone.delete(key)
  }

  /** Null when all is undone and nobody has been told. Rejects when the database is away: then nobody knows. */
  async #commitTogether(units: readonly Unit[]): Promise<Told | null> {
    const connection = await this.#server.connect()
    let isClean = false
    try {
      const transaction = new SharedTransaction(connection)
      const told = await runAll(transaction, units)
      const isDone = told !== null && (await transaction.commit())
      if (told === null) await transaction.rollback()
      isClean = true
      return isDone ? told : null
    } finally {
      connection.release(!isClean)
    }
  }
}

/** Null when something has to be undone. */
async function runAll(transaction: SharedTransaction, units: readonly Unit[]): Promise<Told | null> {
  const told: Told = new Map()
  let isWhole = true
  async function runInTurn(some: readonly Unit[]): Promise<void> {
    for (const unit of some) {
      const { tx, share } = transaction.share()
      try {
        told.set(unit, await unit.run(tx))
      } catch (error) {
        isWhole &&= transaction.failure === undefined && !share.wrote
        told.set(unit, () => unit.fail(error))
      }
      if (!isWhole) return
    }
  }
  // Locks are taken in one order everywhere, or nodes would wait for each other.
  const strands = [...Map.groupBy(units, ({ key }) => key)].toSorted(([a], [b]) => (a < b ? -1 : 1))
  await Promise.all(strands.map(([, some]) => runInTurn(some)))
  const { failure } = transaction
  if (failure !== undefined && isUnreachable(failure.error)) throw failure.error
  return isWhole && failure === undefined ? told : null
}

function isUnreachable(error: unknown): boolean {
  return error instanceof SpacesError && error.code === 'storage_unavailable'
}

/** A transaction for this work alone. */
export async function transactAlone<T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await db.transaction().execute(work)
    } catch (error) {
      if (!maySucceedAgain(error) || tries === MOST_TRIES) throw error
    }
  }
}

const groups = new WeakMap<Database, PostgresGroup>()

export function shareCommits(db: Database, server: PostgresServer): void {
  groups.set(db, new PostgresGroup(db, server))
}

export function sharingOf(db: Database): PostgresGroup | undefined {
  return groups.get(db)
}
