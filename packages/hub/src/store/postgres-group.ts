import type { Kysely } from 'kysely'
import type { PostgresServer } from './postgres.ts'
import { maySucceedAgain } from './postgres-errors.ts'
import { Lane } from './postgres-lane.ts'
import type { Tables } from './schema.ts'

type Database = Kysely<Tables>

/** A deadlock is undone by the database for one of its two sides, which then simply goes again. */
const MOST_TRIES = 5

/** Which transactions may share a commit, and which of them must come one after the other. */
export interface Place {
  /** Kinds of work run beside each other. */
  readonly lane: string
  /** What the work locks: of those with the same word one begins when the one before has ended. */
  readonly key: string
}

/**
 * PostgreSQL's transactions, one commit for all of a lane that come in the same turn of the event loop, or while the
 * ones before are committed. Their statements go out without waiting for each other's answers, except those with the
 * same key. When one has to be undone, all are, and each runs again in a transaction of its own; of those with the same
 * key the first does, and the others come after it together, since they would only wait for it.
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
    const runAlone = async (): Promise<unknown> => {
      try {
        resolve(await transactAlone(this.#db, work))
      } catch (error) {
        reject(error)
        return error
      }
      return undefined
    }
    this.#laneOf(lane).add({ key, run, runAlone, fail: reject })
    return promise
  }

  #laneOf(name: string): Lane {
    const lane = this.#lanes.get(name) ?? new Lane(this.#server)
    this.#lanes.set(name, lane)
    return lane
  }
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
