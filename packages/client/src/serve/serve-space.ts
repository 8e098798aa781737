import { SpacesError, type InferenceResult } from '@websocket-spaces/protocol'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { createBackoff } from '../backoff.ts'
import { parseHubAddress } from '../hub-address.ts'
import { HubUnreachable } from '../hub-unreachable.ts'
import { HubRefusal } from '../refusal.ts'
import { openConnection, type Connection, type ConnectionHandlers } from './connection.ts'
import { Outbox } from './outbox.ts'
import { Runs } from './runs.ts'
import type { CloseOptions, Registration, ServedSpace, ServeEvent, ServeFailure, ServeOptions, ServeState } from './types.ts'

/** Why the loop stopped sleeping over a live connection. */
type WakeReason = { readonly reason: 'lost'; readonly detail: string } | { readonly reason: 'dismissed'; readonly error: SpacesError }

/** A connection that held this long (milliseconds) was a good one: the next wait starts small again. */
const STABLE_AFTER_MS = 5_000
const DRAIN_MS = 60_000

/**
 * Dials out to a hub, registers for a space and serves its requests, until closed.
 * It comes back by itself whenever that can help; a refusal that no retry can mend ends it
 * (see `ended`). Results are kept and sent again until the hub has acknowledged them.
 * @throws SpacesError `invalid_input` when `host` is no address.
 */
export function serveSpace(options: ServeOptions): ServedSpace {
  const address = parseHubAddress(options.host)
  const observe = (event: ServeEvent) => options.onEvent?.(event)
  const registered = Promise.withResolvers<Registration>()
  const closing = new AbortController()
  const outbox = new Outbox(observe)
  let live: Connection | undefined
  let state: ServeState = { state: 'connecting', attempt: 1 }

  const runs = new Runs({
    concurrency: options.concurrency ?? 1,
    onRequest: options.onRequest,
    onEvent: observe,
    send: (event, message) => live?.send(event, message),
    finish: (message: InferenceResult) => outbox.put(message),
  })
  const link: Link = {
    runs,
    outbox,
    observe,
    up(connection) {
      live = connection
      registered.resolve(connection.registration)
    },
    down() {
      live = undefined
    },
  }
  const ended = serveLoop({ options, address, closing: closing.signal, link, setState: (next) => (state = next) })
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

  async function close({ drain = false, drainMs = DRAIN_MS }: CloseOptions = {}): Promise<void> {
    if (drain && !closing.signal.aborted) {
      const timeUp = AbortSignal.any([closing.signal, AbortSignal.timeout(drainMs)])
      await Promise.race([runs.drain().then(() => outbox.drained()), aborted(timeUp), ended.catch(() => undefined)])
    }
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
    registered: registered.promise,
    ended,
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

interface Link {
  readonly runs: Runs
  readonly outbox: Outbox
  readonly observe: (event: ServeEvent) => void
  up(connection: Connection): void
  down(): void
}

interface Loop {
  readonly options: ServeOptions
  readonly address: { readonly origin: string; readonly token: string | undefined }
  readonly closing: AbortSignal
  readonly link: Link
  readonly setState: (state: ServeState) => void
}

/** Without a live connection: dial or back off. With one: sleep until woken. */
async function serveLoop(loop: Loop): Promise<void> {
  const backoff = createBackoff()
  for (let attempt = 1; !loop.closing.aborted; attempt += 1) {
    loop.setState({ state: 'connecting', attempt })
    const { failure, final } = await serveOnce(loop, attempt, () => {
      backoff.reset()
      attempt = 0
    })
    if (loop.closing.aborted) return
    if (final || !failure.retryable || loop.options.retry === false) throw failure
    const retryInMs = backoff.next()
    loop.setState({ state: 'waiting', attempt, retryInMs })
    loop.link.observe({ type: 'retrying', error: failure, retryInMs })
    await delay(retryInMs, undefined, { signal: loop.closing }).catch(() => undefined)
  }
}

interface Ending {
  readonly failure: ServeFailure
  /** The hub said not to come back. */
  readonly final: boolean
}

/** One connection, from dialling to its end; returns why it ended. */
async function serveOnce(loop: Loop, attempt: number, onStable: () => void): Promise<Ending> {
  const { link, closing, address } = loop
  const woken = Promise.withResolvers<WakeReason>()
  link.observe({ type: 'connecting', address: address.origin, attempt })
  let stable: NodeJS.Timeout | undefined
  try {
    const connection = await openConnection(address.origin, registerMessage(loop), handlersFor(loop, woken.resolve), closing)
    stable = setTimeout(onStable, STABLE_AFTER_MS)
    const reason = await Promise.race([woken.promise, aborted(closing)])
    await connection.close()
    if (reason?.reason === 'dismissed') return { failure: reason.error, final: true }
    return { failure: new HubUnreachable(address.origin, 'lost'), final: false }
  } catch (error) {
    const known = error instanceof SpacesError || error instanceof HubUnreachable
    return { failure: known ? error : new HubUnreachable(address.origin, 'network', { cause: error }), final: false }
  } finally {
    clearTimeout(stable)
    link.down()
    link.outbox.detach()
    link.runs.connectionLost()
  }
}

function handlersFor({ link, options, setState }: Loop, wake: (reason: WakeReason) => void): ConnectionHandlers {
  const { runs, outbox, observe } = link
  let parting: SpacesError | undefined
  return {
    onConnected: () => observe({ type: 'connected' }),
    onRegistering: () => observe({ type: 'registering', space: options.space }),
    onRegistered(connection) {
      link.up(connection)
      setState({ state: 'serving', registration: connection.registration })
      observe({ type: 'registered', ...connection.registration })
      outbox.attach(connection.sendResult)
      runs.connectionBack()
    },
    onRequest(message) {
      if (!outbox.has(message.request_id)) return runs.accept(message)
      observe({ type: 'request_kept', requestId: message.request_id })
      outbox.resend(message.request_id)
    },
    onCancel: (message) => runs.cancel(message.request_id, message.reason),
    onRefused(refusal) {
      observe({ type: 'report_refused', refusal })
      runs.refused(refusal)
    },
    onGoodbye(goodbye) {
      observe({ type: 'goodbye', goodbye })
      if (!goodbye.reconnect) parting = new HubRefusal(goodbye.code, goodbye.message)
    },
    onLost(detail) {
      observe({ type: 'disconnected', reason: detail })
      wake(parting === undefined ? { reason: 'lost', detail } : { reason: 'dismissed', error: parting })
    },
    onIgnored: (event) => observe({ type: 'ignored', event }),
  }
}

function registerMessage({ options, address }: Loop) {
  const token = options.token ?? address.token
  return {
    space_name: options.space,
    instance_id: (options.instance ?? hostname()).slice(0, 64),
    concurrency: options.concurrency ?? 1,
    prefetch: options.prefetch ?? 0,
    sdk: options.sdk ?? 'websocket-spaces-js/0.1.0',
    ...(token === undefined ? {} : { token }),
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  if (signal.aborted) resolve(undefined)
  else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  return promise
}
