import { type ConnectionId, LIMITS, type RequestId, SpacesError, TIMING } from '@websocket-spaces/protocol'
import { announceEvents } from './announce.ts'
import type { LeaseRef } from './lifecycle.ts'
import type { Bus, Report, RequestStore } from './ports.ts'

/** Characters that may wait to be stored before no more are taken. */
const MOST_WAITING = 8_000_000
/** What a report takes beside its characters, as counted against {@link MOST_WAITING}. */
const OVERHEAD = 32

interface Pending {
  readonly key: string
  readonly requestId: RequestId
  readonly by: LeaseRef
  readonly reports: Report[]
  readonly stored: PromiseWithResolvers<void>
}

export interface AppendBufferDeps {
  readonly store: Pick<RequestStore, 'append'>
  readonly bus: Bus
  readonly now: () => number
  /** Has the app say again what could not be stored; false when it cannot. */
  readonly askAgain: (connection: ConnectionId) => boolean
}

/**
 * Stores what apps report while they run in batches, so that a model which streams word by
 * word costs one commit every `appendEvery` and not one a word. Adjacent output is joined.
 * When a report could not be stored, or there is no room for it, an app that can say it again is asked to, and until
 * then no more is taken of that request: it would stand behind a hole.
 */
export class AppendBuffer {
  readonly #deps: AppendBufferDeps
  #pending = new Map<string, Pending>()
  /** Keys of logs that miss something, with who said it. */
  readonly #torn = new Map<string, ConnectionId>()
  /** Keys of logs that will miss what comes from now on; what was taken before is stored. */
  readonly #full = new Map<string, ConnectionId>()
  #waiting = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  /** A write comes after the one under way, and takes all that is added until then. */
  #isNextPlanned = false

  constructor(deps: AppendBufferDeps) {
    this.#deps = deps
  }

  /**
   * Room for a report from its arrival until it is stored or refused, when it is to be disposed of.
   * Throws `rate_limited`, or `storage_unavailable` where nothing is taken before the app has said again what is missing.
   */
  roomFor(requestId: RequestId, by: LeaseRef, report: Report): Disposable {
    const size = sizeOf(report)
    if (this.isTorn(requestId, by)) throw new SpacesError('storage_unavailable')
    if (this.#waiting + size > MOST_WAITING) {
      if (!this.#deps.askAgain(by.connectionId)) throw new SpacesError('rate_limited', { wait: 1 })
      this.#full.set(keyOf(requestId, by), by.connectionId)
      throw new SpacesError('storage_unavailable')
    }
    this.#waiting += size
    return { [Symbol.dispose]: () => void (this.#waiting -= size) }
  }

  /** Resolves when the report is stored. Throws `stale_lease`, `request_finished`, `output_full`, `storage_…`. */
  async add(requestId: RequestId, by: LeaseRef, report: Report): Promise<void> {
    const pending = this.#pendingFor(requestId, by)
    join(pending.reports, report)
    this.#timer ??= setTimeout(() => void this.flush(), TIMING.appendEvery)
    await pending.stored.promise
  }

  /** Stores everything added so far. Never throws: each `add` hears of its own failure. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // Not one write for each call: where each takes long to fail, a result would wait for all of them.
    if (this.#pending.size > 0 && !this.#isNextPlanned) {
      this.#isNextPlanned = true
      this.#writing = this.#writing.then(() => this.#writePending())
    }
    await this.#writing
  }

  /** Something that was said about it is missing from the log. */
  tear(requestId: RequestId, by: LeaseRef): void {
    if (this.#deps.askAgain(by.connectionId)) this.#torn.set(keyOf(requestId, by), by.connectionId)
  }

  /** Whether that has happened. */
  isTorn(requestId: RequestId, by: LeaseRef): boolean {
    if (this.#torn.size === 0 && this.#full.size === 0) return false
    const key = keyOf(requestId, by)
    return this.#torn.has(key) || this.#full.has(key)
  }

  /** The connection is gone; what it says over another one may be taken. */
  forget(connection: ConnectionId): void {
    for (const keys of [this.#torn, this.#full]) for (const [key, said] of keys) if (said === connection) keys.delete(key)
  }

  #pendingFor(requestId: RequestId, by: LeaseRef): Pending {
    // By lease too: what a former holder says must not push out what the present one said.
    const key = keyOf(requestId, by)
    const known = this.#pending.get(key)
    if (known !== undefined) return known
    const stored = Promise.withResolvers<void>()
    // Whoever added it listens; if nobody does any more, that is no crash.
    stored.promise.catch(() => undefined)
    const pending: Pending = { key, requestId, by, reports: [], stored }
    this.#pending.set(key, pending)
    return pending
  }

  async #writePending(): Promise<void> {
    const batch = [...this.#pending.values()]
    this.#isNextPlanned = false
    this.#pending = new Map()
    await this.#write(batch)
  }

  async #write(all: readonly Pending[]): Promise<void> {
    const batch = all.filter(({ key }) => !this.#torn.has(key))
    for (const pending of all) if (this.#torn.has(pending.key)) pending.stored.reject(new SpacesError('storage_unavailable'))
    try {
      if (batch.length === 0) return
      const answers = await this.#deps.store.append(batch, this.#deps.now())
      for (const [index, answer] of answers.entries()) {
        const pending = batch[index]
        if (pending === undefined) continue
        if (answer.ok) {
          announceEvents(this.#deps.bus, pending.requestId, answer.events)
          pending.stored.resolve()
        } else pending.stored.reject(new SpacesError(answer.code))
      }
    } catch (error) {
      for (const { requestId, by, stored } of batch) {
        this.tear(requestId, by)
        stored.reject(error)
      }
    }
  }
}

function keyOf(requestId: RequestId, by: LeaseRef): string {
  return `${requestId} ${by.id} ${by.connectionId}`
}

function join(reports: Report[], report: Report): void {
  const last = reports.at(-1)
  if (report.type === 'output' && last?.type === 'output' && last.text.length + report.text.length <= LIMITS.deltaChars) {
    reports[reports.length - 1] = { type: 'output', text: last.text + report.text }
  } else if (report.type === 'progress' && last?.type === 'progress') reports[reports.length - 1] = report
  else reports.push(report)
}

function sizeOf(report: Report): number {
  switch (report.type) {
    case 'output':
      return report.text.length + OVERHEAD
    case 'log':
      return report.line.length + OVERHEAD
    case 'progress':
      return (report.message?.length ?? 0) + OVERHEAD
  }
}
