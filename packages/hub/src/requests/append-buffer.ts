import { LIMITS, type RequestId, SpacesError, TIMING } from '@websocket-spaces/protocol'
import { announceEvents } from './announce.ts'
import type { LeaseRef } from './lifecycle.ts'
import type { Bus, Report, RequestStore } from './ports.ts'

/** Characters that may wait to be stored before apps are told to slow down. */
const MOST_WAITING = 8_000_000

interface Pending {
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
}

/**
 * Stores what apps report while they run in batches, so that a model which streams word by
 * word costs one commit every `appendEvery` and not one a word. Adjacent output is joined.
 */
export class AppendBuffer {
  readonly #deps: AppendBufferDeps
  #pending = new Map<string, Pending>()
  #waiting = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(deps: AppendBufferDeps) {
    this.#deps = deps
  }

  /** Resolves when the report is stored. Throws `stale_lease`, `request_finished`, `output_full`, `rate_limited`. */
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

  #pendingFor(requestId: RequestId, by: LeaseRef): Pending {
    // By lease too: what a former holder says must not push out what the present one said.
    const key = `${requestId} ${by.id} ${by.connectionId}`
    const known = this.#pending.get(key)
    if (known !== undefined) return known
    const stored = Promise.withResolvers<void>()
    // Whoever added it listens; if nobody does any more, that is no crash.
    stored.promise.catch(() => undefined)
    const pending: Pending = { requestId, by, reports: [], size: 0, stored }
    this.#pending.set(key, pending)
    return pending
  }

  async #write(batch: readonly Pending[]): Promise<void> {
    try {
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
      for (const pending of batch) pending.stored.reject(error)
    } finally {
      for (const pending of batch) this.#waiting -= pending.size
    }
  }
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
