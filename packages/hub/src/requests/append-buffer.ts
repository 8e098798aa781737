import { type ConnectionId, LIMITS, type RequestId, SpacesError, TIMING } from '@websocket-spaces/protocol'
import { announceEvents } from './announce.ts'
import type { LeaseRef } from './lifecycle.ts'
import type { Bus, Report, RequestStore } from './ports.ts'

/** Characters that may wait to be stored before apps are told to slow down. */
const MOST_WAITING = 8_000_000

interface Pending {
  readonly key: string
  readonly requestId: RequestId
  readonly by: LeaseRef
  readonly reports: Report[]
  /** Characters, as they count against {@link MOST_WAITING}. */
  size: number
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
 * When a report could not be stored, an app that can say it again is asked to, and until then no more is taken of
 * that request: it would stand behind a hole.
 */
export class AppendBuffer {
  readonly #deps: AppendBufferDeps
  #pending = new Map<string, Pending>()
  /** Keys of logs that miss something, with who said it. */
  readonly #torn = new Map<string, ConnectionId>()
  #waiting = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(deps: AppendBufferDeps) {
    this.#deps = deps
  }

  /** Resolves when the report is stored. Throws `stale_lease`, `request_finished`, `output_full`, `rate_limited`, `storage_…`. */
  async add(requestId: RequestId, by: LeaseRef, report: Report): Promise<void> {
    const size = sizeOf(report)
    if (this.#waiting + size > MOST_WAITING) throw new SpacesError('rate_limited', { wait: 1 })
    this.#waiting += size
    const pending = this.#pendingFor(requestId, by)
    pending.size += size
    join(pending.reports, report)
    this.#timer ??= setTimeout(() => void this.flush(), TIMING.appendEvery)
    await pending.stored.promise
  }

  /** Stores everything added so far. Never throws: each `add` hears of its own failure. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = [...this.#pending.values()]
    this.#pending = new Map()
    if (batch.length > 0) this.#writing = this.#writing.then(() => this.#write(batch))
    await this.#writing
  }

  /** Something that was said about it is missing from the log. */
  tear(requestId: RequestId, by: LeaseRef): void {
    if (this.#deps.askAgain(by.connectionId)) this.#torn.set(keyOf(requestId, by), by.connectionId)
  }

  /** Whether that has happened. */
  isTorn(requestId: RequestId, by: LeaseRef): boolean {
    return this.#torn.has(keyOf(requestId, by))
  }

  /** The connection is gone; what it says over another one may be taken. */
  forget(connection: ConnectionId): void {
    for (const [key, said] of this.#torn) if (said === connection) this.#torn.delete(key)
  }

  #pendingFor(requestId: RequestId, by: LeaseRef): Pending {
    // By lease too: what a former holder says must not push out what the present one said.
    const key = keyOf(requestId, by)
    const known = this.#pending.get(key)
    if (known !== undefined) return known
    const stored = Promise.withResolvers<void>()
    // Whoever added it listens; if nobody does any more, that is no crash.
    stored.promise.catch(() => undefined)
    const pending: Pending = { key, requestId, by, reports: [], size: 0, stored }
    this.#pending.set(key, pending)
    return pending
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
    } finally {
      for (const pending of all) this.#waiting -= pending.size
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
      return report.text.length
    case 'log':
      return report.line.length + 32
    case 'progress':
      return (report.message?.length ?? 0) + 32
  }
}
