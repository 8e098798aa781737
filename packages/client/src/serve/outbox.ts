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
import type { ServeEvent } from './types.ts'

export interface Outbox {
  put(message: InferenceResult): void
  /** Whether a result for this request is still here. */
  has(requestId: string): boolean
  /** The hub handed this request out again: give it the result. */
  resend(requestId: string): void
  attach(send: SendResult): void
  detach(): void
  /** Resolves when nothing is left that the hub may still take. */
  drained(): Promise<void>
}

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

export function createOutbox(onEvent: (event: ServeEvent) => void, limits: OutboxLimits = LIMITS): Outbox {
  const entries = new Map<string, Entry>()
  const waiters = new Set<() => void>()
  let line: { readonly send: SendResult } | undefined
  let bytes = 0

  function put(message: InferenceResult): void {
    remove(message.request_id)
    const entry: Entry = { message, bytes: Buffer.byteLength(JSON.stringify(message)), state: 'unsent' }
    entries.set(message.request_id, entry)
    bytes += entry.bytes
    while (entries.size > 1 && (entries.size > limits.maxResults || bytes > limits.maxBytes)) dropOldest()
    onEvent({ type: line === undefined ? 'result_kept' : 'result_sent', requestId: message.request_id })
    void deliver(entry)
  }

  function remove(requestId: string): void {
    bytes -= entries.get(requestId)?.bytes ?? 0
    entries.delete(requestId)
    if (isDrained()) for (const wake of waiters) wake()
  }

  function dropOldest(): void {
    const [oldest] = [...entries.values()].filter((entry) => entry.state === 'refused').concat(...entries.values())
    if (oldest === undefined) return
    if (oldest.state !== 'refused') onEvent({ type: 'result_dropped', requestId: oldest.message.request_id })
    remove(oldest.message.request_id)
  }

  /** Sends until the hub has answered, for as long as this connection lasts. */
  async function deliver(entry: Entry): Promise<void> {
    const backoff = createBackoff({ first: 1_000 })
    const through = line
    if (through === undefined || entry.state === 'sending') return
    entry.state = 'sending'
    while (line === through && entries.get(entry.message.request_id) === entry) {
      const answer = await through.send(entry.message).catch(() => undefined)
      if (answer !== undefined && settle(entry, answer)) return
      if (line === through) await delay(backoff.next(), undefined, { ref: false })
    }
    entry.state = 'unsent'
    // A connection that came back meanwhile found this entry `sending` and passed it over.
    if (line !== undefined && line !== through && entries.get(entry.message.request_id) === entry) void deliver(entry)
  }

  /** Whether the hub's answer is its last word on this sending. */
  function settle(entry: Entry, answer: Ack): boolean {
    const requestId = entry.message.request_id
    if (answer.ok) {
      remove(requestId)
      onEvent({ type: 'result_delivered', requestId })
      return true
    }
    const { code, message } = answer.error
    if (ERRORS[code].retryable) return false
    onEvent({ type: 'report_refused', refusal: { request_id: requestId, event: APP_EVENTS.inferenceResult, code, message } })
    if (code === 'stale_lease') entry.state = 'refused'
    else remove(requestId)
    if (isDrained()) for (const wake of waiters) wake()
    return true
  }

  function isDrained(): boolean {
    return [...entries.values()].every((entry) => entry.state === 'refused')
  }

  return {
    put,
    has: (requestId) => entries.has(requestId),
    resend(requestId) {
      const entry = entries.get(requestId)
      if (entry === undefined) return
      onEvent({ type: 'result_sent', requestId })
      void deliver(entry)
    },
    attach(send) {
      line = { send }
      for (const entry of entries.values()) if (entry.state === 'unsent') void deliver(entry)
    },
    detach() {
      line = undefined
    },
    async drained() {
      while (!isDrained()) {
        const { promise, resolve } = Promise.withResolvers<void>()
        waiters.add(resolve)
        await promise
        waiters.delete(resolve)
      }
    },
  }
}
