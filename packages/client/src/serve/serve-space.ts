import { SpacesError } from '@websocket-spaces/protocol'
import { parseHubAddress } from '../hub-address.ts'
import type { Connection } from './connection.ts'
import { Outbox } from './outbox.ts'
import { Runs } from './runs.ts'
import { serveLoop, whenAborted } from './serve-loop.ts'
import type { CloseOptions, Registration, ServedSpace, ServeEvent, ServeFailure, ServeOptions, ServeState } from './types.ts'

const DRAIN_MS = 60_000

/**
 * Dials out to a hub, registers for a space and serves its requests, until closed.
 * It comes back by itself whenever that can help, and goes on with what it was running; a refusal that no
 * retry can mend ends it (see `ended`). Results are kept and sent again until the hub has acknowledged them.
 * @throws SpacesError `invalid_input` when `host` is no address.
 */
export function serveSpace(options: ServeOptions): ServedSpace {
  const address = parseHubAddress(options.host)
  const observe = (event: ServeEvent) => options.onEvent?.(event)
  const registered = Promise.withResolvers<Registration>()
  const closing = new AbortController()
  const outbox = new Outbox(observe)
  let live: Connection | undefined
  /** Resolves when the hub has heard of the drain. */
  let draining: Promise<void> | undefined
  let state: ServeState = { state: 'connecting', attempt: 1 }

  const runs = new Runs({
    concurrency: options.concurrency ?? 1,
    onRequest: options.onRequest,
    onEvent: observe,
    send: (event, message) => live?.send(event, message),
    finish: (finished) => outbox.put(finished),
  })
  const ended = serveLoop({
    options,
    address,
    closing: closing.signal,
    runs,
    outbox,
    observe,
    setState: (next) => (state = next),
    up(connection) {
      live = connection
      registered.resolve(connection.registration)
      if (draining) draining = startDrain()
    },
    down: () => (live = undefined),
  })
    .then(() => end(null))
    .catch((error: ServeFailure) => {
      end(error)
      throw error
    })

  function end(error: ServeFailure | null): void {
    state = { state: 'ended', error }
    runs.stop()
    registered.reject(error ?? new SpacesError('shutting_down'))
    observe({ type: 'ended', error })
  }

  const unfinished = () => runs.unfinished + outbox.pending

  /** Every connection is told anew. */
  async function startDrain(): Promise<void> {
    const connection = live
    runs.drain()
    await connection?.drain()
    if (connection === live) runs.closeIntake()
  }

  async function drain(withinMs: number): Promise<void> {
    using timeUp = whenAborted(AbortSignal.any([closing.signal, AbortSignal.timeout(withinMs)]))
    if (!draining) {
      observe({ type: 'draining', unfinished: unfinished() })
      draining = startDrain()
    }
    await Promise.race([nothingLeft(), timeUp.promise, ended.catch(() => undefined)])
  }

  /** Until the hub knows that we leave, it may hand us more. */
  async function nothingLeft(): Promise<void> {
    do {
      await draining
      await runs.idle()
      await outbox.drained()
    } while (unfinished() > 0)
  }

  async function close(how: CloseOptions = {}): Promise<void> {
    if (how.drain === true && !closing.signal.aborted && unfinished() > 0) await drain(how.drainMs ?? DRAIN_MS)
    closing.abort()
    await ended.catch(() => undefined)
  }

  // Whoever does not wait for these two must not be ended by them.
  ended.catch(() => undefined)
  registered.promise.catch(() => undefined)
  return {
    get state() {
      return state
    },
    get unfinished() {
      return unfinished()
    },
    registered: registered.promise,
    ended,
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}
