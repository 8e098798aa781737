/**
 * Results from the moment the app has them until the hub has acknowledged them.
 *
 * unsent ──attach──▶ sending ──ack ok / finished──▶ gone
 *   ▲                   │
 *   └──lost, no answer──┴──stale lease──▶ refused ──handed out again──▶ sending
 *
 * A refused one is remembered: when the hub hands the same request out again, its result is ready.
 */
import { APP_EVENTS, ERRORS, type Ack, type InferenceResult } from '@websocket-spaces/protocol'
import { setTimeout as delay } from 'node:timers/promises'
import { createBackoff } from '../backoff.ts'
import { createCondition } from './condition.ts'
import type { ServeEvent } from './types.ts'

export type SendResult = (message: InferenceResult) => Promise<Ack>

interface Entry {
  readonly message: InferenceResult
  readonly bytes: number
  state: 'unsent' | 'sending' | 'refused'
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
  readonly #drained = createCondition(() => [...this.#entries.values()].every((entry) => entry.state === 'refused'))
  /** The present connection; a new object each time, so that a sending knows whether it is still the same. */
  #line: { readonly send: SendResult } | undefined
  #bytes = 0

  constructor(onEvent: (event: ServeEvent) => void, limits: OutboxLimits = LIMITS) {
    this.#onEvent = onEvent
    this.#limits = limits
  }

  put(message: InferenceResult): void {
    this.#remove(message.request_id)
    const entry: Entry = { message, bytes: Buffer.byteLength(JSON.stringify(message)), state: 'unsent' }
    this.#entries.set(message.request_id, entry)
    this.#bytes += entry.bytes
    while (this.#entries.size > 1 && (this.#entries.size > this.#limits.maxResults || this.#bytes > this.#limits.maxBytes))
      this.#dropOldest()
    this.#onEvent({ type: this.#line === undefined ? 'result_kept' : 'result_sent', requestId: message.request_id })
    void this.#deliver(entry)
  }

  /** Whether a result for this request is still here. */
  has(requestId: string): boolean {
    return this.#entries.has(requestId)
  }

  /** The hub handed this request out again: give it the result. */
  resend(requestId: string): void {
    const entry = this.#entries.get(requestId)
    if (entry === undefined) return
    this.#onEvent({ type: 'result_sent', requestId })
    void this.#deliver(entry)
  }

  attach(send: SendResult): void {
    this.#line = { send }
    for (const entry of this.#entries.values()) if (entry.state === 'unsent') void this.#deliver(entry)
  }

  detach(): void {
    this.#line = undefined
  }

  /** Resolves when nothing is left that the hub may still take. */
  drained(): Promise<void> {
    return this.#drained.met()
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
    if (oldest.state !== 'refused') this.#onEvent({ type: 'result_dropped', requestId: oldest.message.request_id })
    this.#remove(oldest.message.request_id)
  }

  /** Sends until the hub has answered, for as long as this connection lasts. */
  async #deliver(entry: Entry): Promise<void> {
    const backoff = createBackoff({ first: 1_000 })
    const line = this.#line
    if (line === undefined || entry.state === 'sending') return
    entry.state = 'sending'
    while (this.#line === line && this.#isKept(entry)) {
      const answer = await line.send(entry.message).catch(() => undefined)
      if (answer !== undefined && this.#settle(entry, answer)) return
      if (this.#line === line) await delay(backoff.next(), undefined, { ref: false })
    }
    entry.state = 'unsent'
    // A connection that came back meanwhile found this entry `sending` and passed it over.
    if (this.#isKept(entry)) void this.#deliver(entry)
  }

  #isKept(entry: Entry): boolean {
    return this.#entries.get(entry.message.request_id) === entry
  }

  /** Whether the hub's answer is its last word on this sending. */
  #settle(entry: Entry, answer: Ack): boolean {
    const requestId = entry.message.request_id
    if (answer.ok) {
      this.#remove(requestId)
      this.#onEvent({ type: 'result_delivered', requestId })
      return true
    }
    const { code, message } = answer.error
    if (ERRORS[code].retryable) return false
    this.#onEvent({ type: 'report_refused', refusal: { request_id: requestId, event: APP_EVENTS.inferenceResult, code, message } })
    entry.state = 'refused'
    if (code === 'stale_lease') this.#drained.changed()
    else this.#remove(requestId)
    return true
  }
}
