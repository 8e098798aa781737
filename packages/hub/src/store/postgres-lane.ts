import type { Kysely } from 'kysely'
import { SpacesError } from '@websocket-spaces/protocol'
import type { PostgresServer } from './postgres.ts'
import { SharedTransaction } from './postgres-transaction.ts'
import type { Tables } from './schema.ts'

type Database = Kysely<Tables>

/** In one transaction: whoever wants the same rows, on this node or another, waits for all of them. */
const MOST_UNITS = 64
/** Of a lane's: each may wait for a lock, and is not to take the connections that the rest of the hub needs. */
const MOST_ALONE = 4
/** Milliseconds after which a transaction that failed has kept those waiting who come after it. */
const LONG = 1_000

export interface Unit {
  readonly key: string
  /** Runs the work; says how to tell its caller. Rejects when its writes are to be undone. */
  readonly run: (tx: Database) => Promise<() => void>
  /** Runs it in a transaction of its own, and tells its caller. Resolves with why it failed, if it did. */
  readonly runAlone: () => Promise<unknown>
  readonly fail: (error: unknown) => void
}

type Told = Map<Unit, () => void>

/** One transaction at a time, and beside it those that have to go alone. */
export class Lane {
  readonly #server: PostgresServer
  /** Of keys of which one goes alone, those that come after it. */
  readonly #behind = new Map<string, Unit[]>()
  /** To go alone. */
  readonly #alone: Unit[] = []
  #running = 0
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
      const together = units.filter((unit) => !this.#putBehind(unit))
      if (together.length > 0) await this.#commit(together)
    }
    this.#isBusy = false
  }

  async #commit(units: readonly Unit[]): Promise<void> {
    const began = performance.now()
    try {
      const told = await this.#commitTogether(units)
      if (told !== null) for (const tell of told.values()) tell()
      else for (const unit of units) this.#goAlone(unit)
    } catch (error) {
      for (const unit of units) unit.fail(error)
      // Whoever waits would hear the same, one transaction after the other, each after as long.
      if (isUnreachable(error) && performance.now() - began > LONG) for (const unit of this.#waiting.splice(0)) unit.fail(error)
    }
  }

  /** False where none of its key goes alone. */
  #putBehind(unit: Unit): boolean {
    const behind = this.#behind.get(unit.key)
    behind?.push(unit)
    return behind !== undefined
  }

  #goAlone(unit: Unit): void {
    if (this.#putBehind(unit)) return
    this.#behind.set(unit.key, [])
    this.#alone.push(unit)
    this.#startAlone()
  }

  #startAlone(): void {
    while (this.#running < MOST_ALONE) {
      const unit = this.#alone.shift()
      if (unit === undefined) return
      this.#running += 1
      void this.#runAlone(unit)
    }
  }

  async #runAlone({ key, runAlone }: Unit): Promise<void> {
    const failure = await runAlone()
    const behind = this.#behind.get(key) ?? []
    this.#behind.delete(key)
    this.#running -= 1
    this.#startAlone()
    // What it waited for in vain they would wait for as long, one after the other.
    for (const unit of behind)
      if (isUnreachable(failure)) unit.fail(failure)
      else this.add(unit)
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
