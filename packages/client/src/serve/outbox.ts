/**
 * Results from the moment the app has them until the hub has acknowledged them.
 *
 * wanted ──ack ok / finished──▶ gone
 *   │ ▲
 *   │ └──handed out again── refused
 *   └──stale lease, not resumed──▲
 *
 * A wanted one is sent on the present connection, and again on the next one if the hub resumes it there.
 * A refused one is remembered: when the hub hands the same request out again, its result is ready.
 */
import {
  APP_EVENTS,
  ERRORS,
  errorMessage,
  type Ack,
  type ErrorCode,
  type InferenceResult,
  type LeasedRequest,
  type LeaseId,
} from '@websocket-spaces/protocol'
import { setTimeout as delay } from 'node:timers/promises'
import { createBackoff } from '../backoff.ts'
import { createCondition } from './condition.ts'
import type { Finished } from './runs.ts'
import type { ServeEvent } from './types.ts'

export type SendResult = (message: InferenceResult) => Promise<Ack>

/** One connection; a new object each time, so that a sending knows whether it is still the same. */
interface Line {
  readonly send: SendResult
}

interface Entry extends Finished {
  leaseId: LeaseId | undefined
  readonly bytes: number
  state: 'wanted' | 'refused'
  /** Where it is being sent. */
  on: Line | undefined
}

export interface OutboxLimits {
  readonly maxResults: number
  readonly maxBytes: number
}

const LIMITS: OutboxLimits = { maxResults: 1_000, maxBytes: 64 * 1024 * 1024 }

export class Outbox {
  readonly #entries = new Map<string, Entry>()
  readonly #onEvent: (event: ServeEvent) => void
  readonly #limits: OutboxLimits
  readonly #drained = createCondition(() => this.pending === 0)
  #line: Line | undefined
  #bytes = 0

  constructor(onEvent: (event: ServeEvent) => void, limits: OutboxLimits = LIMITS) {
    this.#onEvent = onEvent
    this.#limits = limits
  }

  /** Results that the hub may still take. */
  get pending(): number {
    return this.#wanted().length
  }

  put(finished: Finished): void {
    const { message, output } = finished
    this.#remove(message.request_id)
    const bytes = Buffer.byteLength(JSON.stringify(message)) + (output?.size() ?? 0)
    const entry: Entry = { ...finished, bytes, state: 'wanted', on: undefined }
    this.#entries.set(message.request_id, entry)
    this.#bytes += entry.bytes
    while (this.#entries.size > 1 && (this.#entries.size > this.#limits.maxResults || this.#bytes > this.#limits.maxBytes))
      this.#dropOldest()
    if (this.#line === undefined) this.#tell('result_kept', entry)
    else this.#send(entry)
  }

  /** What is still to be delivered: for the hub to renew, or to let a new connection go on with. */
  held(): LeasedRequest[] {
    return this.#wanted().flatMap(({ message, leaseId }) =>
      leaseId === undefined ? [] : [{ request_id: message.request_id, lease_id: leaseId }],
    )
  }

  /**
   * The hub handed this request out again, as a new attempt that has said nothing yet: gives it the result.
   * @returns whether there is one
   */
  resend(requestId: string, leaseId: LeaseId | undefined): boolean {
    const entry = this.#entries.get(requestId)
    if (entry === undefined) return false
    if (isCancel(entry)) {
      this.#remove(requestId)
      return false
    }
    entry.leaseId = leaseId
    entry.state = 'wanted'
    entry.output?.replay(0)
    this.#onEvent({ type: 'request_kept', requestId })
    this.#send(entry)
    return true
  }

  /** @param resumed how many characters of its output the hub has, of each request whose result it still takes. */
  attach(send: SendResult, resumed: ReadonlyMap<string, number>): void {
    this.#line = { send }
    for (const entry of this.#wanted()) {
      const chars = resumed.get(entry.message.request_id)
      if (chars === undefined) this.#refuse(entry, 'stale_lease', errorMessage('stale_lease'))
      else {
        entry.output?.replay(chars)
        this.#send(entry)
      }
    }
  }

  detach(): void {
    this.#line = undefined
    for (const entry of this.#entries.values()) entry.output?.hold()
  }

  /** Resolves when nothing is left that the hub may still take. */
  drained(): Promise<void> {
    return this.#drained.met()
  }

  #wanted(): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.state === 'wanted')
  }

  #remove(requestId: string): void {
    this.#bytes -= this.#entries.get(requestId)?.bytes ?? 0
    this.#entries.delete(requestId)
    this.#drained.changed()
  }

  /** Those the hub did not want go first. */
  #dropOldest(): void {
    const all = [...this.#entries.values()]
    const oldest = all.find((entry) => entry.state === 'refused') ?? all[0]
    if (oldest === undefined) return
    if (oldest.state !== 'refused') this.#tell('result_dropped', oldest)
    this.#remove(oldest.message.request_id)
  }

  /** A confirmed cancel is no result to tell about. */
  #tell(type: 'result_sent' | 'result_kept' | 'result_dropped' | 'result_delivered', entry: Entry): void {
    if (!isCancel(entry)) this.#onEvent({ type, requestId: entry.message.request_id })
  }

  #send(entry: Entry): void {
    const line = this.#line
    if (line === undefined || entry.on === line) return
    entry.on = line
    this.#tell('result_sent', entry)
    void this.#deliver(entry, line)
  }

  /** Sends until the hub has answered, for as long as this connection lasts. */
  async #deliver(entry: Entry, line: Line): Promise<void> {
    const backoff = createBackoff({ first: 1_000 })
    const isOurs = () => this.#line === line && entry.on === line && this.#entries.get(entry.message.request_id) === entry
    while (isOurs()) {
      const answer = await line.send(entry.message).catch(() => undefined)
      if (!isOurs()) return
      if (answer !== undefined && this.#settle(entry, answer)) return
      await delay(backoff.next(), undefined, { ref: false })
    }
  }

  /** Whether the hub's answer is its last word on this sending. */
  #settle(entry: Entry, answer: Ack): boolean {
    if (answer.ok) {
      this.#remove(entry.message.request_id)
      this.#tell('result_delivered', entry)
      return true
    }
    if (ERRORS[answer.error.code].retryable) return false
    this.#refuse(entry, answer.error.code, answer.error.message)
    return true
  }

  #refuse(entry: Entry, code: ErrorCode, message: string): void {
    const requestId = entry.message.request_id
    // Whatever the hub has against a confirmed cancel, nobody waits for it any more.
    if (isCancel(entry)) return this.#remove(requestId)
    this.#onEvent({ type: 'report_refused', refusal: { request_id: requestId, event: APP_EVENTS.inferenceResult, code, message } })
    if (code !== 'stale_lease') return this.#remove(requestId)
    entry.state = 'refused'
    entry.on = undefined
    this.#drained.changed()
  }
}

function isCancel(entry: Entry): boolean {
  return entry.message.status === 'canceled'
}
