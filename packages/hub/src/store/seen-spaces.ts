import type { SpaceId } from '@websocket-spaces/protocol'
import type { Database } from './database.ts'
import { transact } from './dialect.ts'

const AT_ONCE = 200

/**
 * Notes when apps were last connected. They come and go by the thousand when a network does: what is to be noted while
 * the last is written is written together, with the latest of its times.
 */
export class SeenSpaces {
  readonly #db: Database
  #ids = new Set<SpaceId>()
  #at = 0
  #writing: Promise<void> = Promise.resolve()
  /** Begins when the one under way has ended; for all who ask until then. */
  #next: Promise<void> | undefined

  constructor(db: Database) {
    this.#db = db
  }

  /** Milliseconds since 1970. Resolves when it is stored; nobody waits for it to reach the disk. */
  async mark(ids: readonly SpaceId[], at: number): Promise<void> {
    for (const id of ids) this.#ids.add(id)
    this.#at = Math.max(this.#at, at)
    this.#next ??= this.#writeAfter(this.#writing)
    return this.#next
  }

  async #writeAfter(before: Promise<void>): Promise<void> {
    await before.catch(() => undefined)
    this.#next = undefined
    this.#writing = this.#write()
    return this.#writing
  }

  async #write(): Promise<void> {
    // In one order everywhere, and few at a time: nodes do this side by side, and submits wait for the rows.
    const ids = [...this.#ids].toSorted()
    const at = this.#at
    this.#ids = new Set()
    this.#at = 0
    for (let first = 0; first < ids.length; first += AT_ONCE) {
      const some = ids.slice(first, first + AT_ONCE)
      const mark = async (tx: Database): Promise<unknown> =>
        tx.updateTable('spaces').set({ last_seen_at: at }).where('id', 'in', some).execute()
      await transact(this.#db, mark, { durable: false })
    }
  }
}
