import type { Kysely } from 'kysely'
import { Disk, tellSafely } from './disk.ts'
import type { Tables } from './schema.ts'
import { BEGIN, type SqliteFile } from './sqlite.ts'

type Database = Kysely<Tables>

/** How those are told who wait for a unit that has run. */
interface Done {
  readonly committed: () => void
  readonly lasting: (() => void) | undefined
  readonly resolve: () => void
}

interface Unit {
  /** Runs the work. Rejects when its writes are to be undone. */
  readonly run: (tx: Database) => Promise<Done>
  readonly fail: (error: unknown) => void
  readonly durable: boolean
  readonly isLast: boolean
}

export interface UnitOptions<T> {
  /** `false`: the caller need not wait for the disk; a power cut may undo it, a crash cannot. */
  readonly durable: boolean
  /** Called when it is committed, before the disk is waited for. Must not throw. */
  readonly onCommitted?: ((value: T) => void) | undefined
  /** Called when the disk has it, which is soon, though nobody waits for it. Not when it fails. Must not throw. */
  readonly onLasting?: ((value: T) => void) | undefined
}

/**
 * SQLite's transactions, one commit for all that come in the same two turns of the event loop. A unit that
 * fails is undone alone; the others may run a second time. The disk is waited for outside the event loop: a commit writes the log without
 * flushing it, the flush follows in a thread, and nobody hears of a commit before the flush that
 * began after it has ended. That is what `synchronous=full` promises, at the price of `normal`.
 */
export class GroupCommit {
  readonly #db: Database
  readonly #file: SqliteFile
  readonly #disk: Disk | null
  #waiting: Unit[] = []
  #scheduled = false

  /** `log` = descriptor of the write-ahead log, to be flushed; null = never, as with `synchronous=normal`. */
  constructor(db: Database, file: SqliteFile, log: number | null) {
    this.#db = db
    this.#file = file
    this.#disk = log === null ? null : new Disk(log)
  }

  /** Resolves when the work is committed and, if asked to be `durable`, on the disk. */
  run<T>(work: (tx: Database) => Promise<T>, { durable, onCommitted, onLasting }: UnitOptions<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const run = async (tx: Database): Promise<Done> => {
      const value = await work(tx)
      const lasting = onLasting === undefined ? undefined : (): void => onLasting(value)
      return { committed: () => onCommitted?.(value), lasting, resolve: () => resolve(value) }
    }
    this.#waiting.push({ run, fail: reject, durable, isLast: !durable && onLasting === undefined })
    this.#schedule()
    return promise
  }

  /** Resolves when all that was committed is on the disk. */
  async flushed(): Promise<void> {
    await this.#disk?.flushed()
  }

  /** Resolves when whoever waits for the disk by now, or is to hear from it, has been told. */
  async asked(): Promise<void> {
    await this.#disk?.asked()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // After all sockets that are readable in this turn have been read, and not before the disk could flush it:
    // a commit writes whole pages, most of them the same ones each time, so that few and large ones cost much less.
    // A turn later than that, since what was told at the end of a flush is answered in the next turn by whoever is near.
    const commit = (): void => void setImmediate(() => setImmediate(() => void this.#commitWaiting()))
    const flushing = this.#disk?.flushing
    if (flushing === undefined) commit()
    else flushing.then(commit, commit)
  }

  async #commitWaiting(): Promise<void> {
    // What nobody waits for comes last: a claim finds all that was submitted in the same turn.
    const units = [...this.#waiting.filter((unit) => !unit.isLast), ...this.#waiting.filter((unit) => unit.isLast)]
    this.#waiting = []
    try {
      const told = await this.#db.connection().execute((connection) => this.#commit(connection, units))
      this.#tell(told)
    } catch (error) {
      for (const unit of units) unit.fail(error)
    } finally {
      this.#scheduled = false
      if (this.#waiting.length > 0) this.#schedule()
    }
  }

  async #commit(connection: Database, units: readonly Unit[]): Promise<Map<Unit, Done>> {
    const file = this.#file
    this.#disk?.check()
    const before = file.writes
    try {
      const told = (await this.#runAll(connection, units)) ?? (await this.#runEach(connection, units))
      file.run('commit')
      if (file.writes !== before) this.#disk?.wrote()
      return told
    } catch (error) {
      file.run('rollback')
      throw error
    }
  }

  /** The disk is flushed by us, unless nobody is. */
  #begin(): void {
    if (this.#disk === null) this.#file.run(BEGIN)
    else this.#file.beginWithoutDisk()
  }

  /** The usual way. Null when one failed that had written: all is undone, and nothing has been told. */
  async #runAll(connection: Database, units: readonly Unit[]): Promise<Map<Unit, Done> | null> {
    const told = new Map<Unit, Done>()
    const file = this.#file
    this.#begin()
    file.lendTo(connection)
    for (const unit of units) {
      const before = file.writes
      try {
        told.set(unit, await unit.run(connection))
      } catch (error) {
        if (file.writes !== before) {
          file.run('rollback')
          return null
        }
        told.set(unit, failed(unit, error))
      }
    }
    return told
  }

  /** Each unit such that it can be undone alone. */
  async #runEach(connection: Database, units: readonly Unit[]): Promise<Map<Unit, Done>> {
    const told = new Map<Unit, Done>()
    const file = this.#file
    this.#begin()
    for (const unit of units) {
      file.run('savepoint unit')
      try {
        told.set(unit, await unit.run(connection))
      } catch (error) {
        // A full disk undoes the whole transaction; then all units have failed.
        if (!file.isTransaction) throw error
        file.run('rollback to unit')
        told.set(unit, failed(unit, error))
      }
      file.run('release unit')
    }
    return told
  }

  #tell(told: Map<Unit, Done>): void {
    const later = this.#disk === null ? [] : [...told].filter(([{ durable }]) => durable)
    // Begun first: the disk works while apps are handed what was committed.
    const flushed = later.length === 0 ? undefined : this.#disk?.flushed()
    for (const [{ durable }, done] of told) {
      tellSafely(done.committed)
      if (done.lasting !== undefined) this.#tellWhenLasting(done.lasting)
      if (flushed === undefined || !durable) done.resolve()
    }
    flushed?.then(
      () => {
        for (const [, done] of later) done.resolve()
      },
      (error: unknown) => {
        for (const [unit] of later) unit.fail(error)
      },
    )
  }

  #tellWhenLasting(lasting: () => void): void {
    if (this.#disk === null) tellSafely(lasting)
    else this.#disk.tell(lasting)
  }
}

function failed(unit: Unit, error: unknown): Done {
  return { committed: () => undefined, lasting: undefined, resolve: () => unit.fail(error) }
}

const groups = new WeakMap<Database, GroupCommit>()

export function commitInGroups(db: Database, group: GroupCommit): void {
  groups.set(db, group)
}

export function groupOf(db: Database): GroupCommit | undefined {
  return groups.get(db)
}
