import { fdatasync } from 'node:fs'
import { promisify } from 'node:util'

/** Milliseconds that what nobody waits for may lie about before it is flushed. */
const SOON = 10

const flush = promisify(fdatasync)

/** Knows what has been written since the last flush began. */
export class Disk {
  readonly #log: number
  #unflushed = false
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #broken: { readonly error: unknown } | undefined
  /** To be called after the next flush that begins. */
  #listeners: (() => void)[] = []
  #soon: NodeJS.Timeout | undefined

  constructor(log: number) {
    this.#log = log
  }

  /** After a failed flush nobody knows what the disk holds: nothing more is written until a restart has read it. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken.error
  }

  wrote(): void {
    this.#unflushed = true
  }

  /** The flush under way. */
  get flushing(): Promise<void> | undefined {
    return this.#running
  }

  /** Calls when all that was written so far is on the disk: with the next flush that somebody waits for, or soon. Must not throw. */
  tell(listener: () => void): void {
    this.#listeners.push(listener)
    // Whoever waits for a flush hears why it failed.
    this.#soon ??= setTimeout(() => void this.asked().catch(() => undefined), SOON)
  }

  /** Resolves when the last flush that is to be has ended, and all are told who are to be. */
  async asked(): Promise<void> {
    this.check()
    if (this.#listeners.length > 0) await this.flushed()
    else await (this.#next ?? this.#running)
  }

  /** Resolves when all that was written so far is on the disk. */
  async flushed(): Promise<void> {
    this.check()
    if (this.#unflushed || this.#listeners.length > 0) this.#next ??= this.#flushAfter(this.#running)
    return this.#next ?? this.#running
  }

  async #flushAfter(running: Promise<void> | undefined): Promise<void> {
    await running
    this.#next = undefined
    this.#unflushed = false
    this.#running = this.#flush()
    return this.#running
  }

  async #flush(): Promise<void> {
    const listeners = this.#listeners
    this.#listeners = []
    clearTimeout(this.#soon)
    this.#soon = undefined
    try {
      await flush(this.#log)
    } catch (error) {
      this.#broken = { error }
      throw error
    } finally {
      this.#running = undefined
    }
    // Before whoever waits for it: they come later, and may go on with what the listeners tell.
    for (const listener of listeners) tellSafely(listener)
  }
}

/** What one of them throws is no failure of the disk: the others, and what they wait for, have nothing to do with it. */
export function tellSafely(listener: () => void): void {
  try {
    listener()
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error))
  }
}
