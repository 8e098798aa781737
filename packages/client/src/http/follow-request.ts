import { followItem, SpacesError, TIMING, type FollowItem } from '@websocket-spaces/protocol'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { setTimeout as delay } from 'node:timers/promises'
import { createBackoff } from '../backoff.ts'
import { HubUnreachable, unreachable } from '../hub-unreachable.ts'
import type { HubHttp } from './hub-http.ts'

export interface FollowOptions {
  /** `seq` of the last event already seen; 0 = from the start. */
  readonly after?: number
  readonly signal?: AbortSignal | undefined
  /** Milliseconds without contact after which a follow gives up with HubUnreachable. */
  readonly giveUpAfterMs?: number
}

const GIVE_UP_AFTER_MS = 60_000
/** A hub that says nothing for this long is gone, even if the socket does not know it yet. */
const SILENCE_MS = TIMING.streamKeepAlive * 2.5
const MAX_EVENT_CHARS = 20_000_000

/**
 * A request's events after a cursor, then live, up to its result: each once and in order,
 * across lost connections and hub restarts.
 * @throws HubRefusal when the request is not (or no longer) ours to see; HubUnreachable when the hub stays away.
 */
export async function* followRequest(http: HubHttp, id: string, options: FollowOptions = {}): AsyncGenerator<FollowItem, void, undefined> {
  const backoff = createBackoff()
  let cursor = options.after ?? 0
  let lastContact = Date.now()
  const contact = () => {
    lastContact = Date.now()
  }
  for (;;) {
    try {
      for await (const item of readOnce(http, id, cursor, contact, options.signal)) {
        if (item === 'finished') return
        if (item.type !== 'position') {
          if (item.seq <= cursor) continue
          cursor = item.seq
        }
        backoff.reset()
        yield item
        if (item.type === 'result') return
      }
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!isPassing(error)) throw error
      if (Date.now() - lastContact > (options.giveUpAfterMs ?? GIVE_UP_AFTER_MS)) throw error
    }
    await delay(backoff.next(), undefined, { signal: options.signal })
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof HubUnreachable || (error instanceof SpacesError && error.retryable)
}

/** One stream, until it ends, breaks or falls silent; `finished` where the result had been seen before. */
async function* readOnce(
  http: HubHttp,
  id: string,
  cursor: number,
  contact: () => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<FollowItem | 'finished'> {
  const heard = () => {
    timer.refresh()
    contact()
  }
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(new HubUnreachable(http.origin, 'timeout')), SILENCE_MS)
  try {
    const response = await http.open('GET', `/api/v1/requests/${encodeURIComponent(id)}/events`, {
      headers: { accept: 'text/event-stream', ...(cursor > 0 ? { 'last-event-id': String(cursor) } : {}) },
      signal: AbortSignal.any([silence.signal, ...(signal === undefined ? [] : [signal])]),
      timeoutMs: null,
    })
    if (response.status === 204) yield 'finished'
    if (response.body === null) return
    heard()
    const messages = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream({ onComment: heard, maxBufferSize: MAX_EVENT_CHARS }))
    for await (const message of messages) {
      heard()
      const item = followItem.safeParse(parseJson(message.data))
      if (item.success) yield item.data
    }
  } catch (error) {
    if (error instanceof SpacesError || error instanceof HubUnreachable) throw error
    throw unreachable(http.origin, error)
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
