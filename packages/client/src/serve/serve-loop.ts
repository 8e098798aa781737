import { APP_EVENTS, LIMITS, SpacesError, TIMING, type LeasedRequest, type RegisterMessage } from '@websocket-spaces/protocol'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { createBackoff } from '../backoff.ts'
import { HubUnreachable } from '../hub-unreachable.ts'
import { HubRefusal } from '../refusal.ts'
import { openConnection, type Connection, type ConnectionHandlers, type HandedRequest } from './connection.ts'
import type { Outbox } from './outbox.ts'
import type { Runs } from './runs.ts'
import type { ServedRequest, ServeEvent, ServeFailure, ServeOptions, ServeState } from './types.ts'

/** What the loop works with: it keeps a connection to the hub, others keep the requests. */
export interface Loop {
  readonly options: ServeOptions
  readonly address: { readonly origin: string; readonly token: string | undefined }
  readonly closing: AbortSignal
  readonly runs: Runs
  readonly outbox: Outbox
  readonly observe: (event: ServeEvent) => void
  readonly setState: (state: ServeState) => void
  /** Registered, and nothing of this connection was handled yet. */
  readonly up: (connection: Connection) => void
  readonly down: () => void
}

/** Why the loop stopped sleeping over a live connection. */
type WakeReason =
  | { readonly reason: 'lost' }
  | { readonly reason: 'invited' }
  | { readonly reason: 'dismissed'; readonly error: SpacesError }

interface Ending {
  readonly failure: ServeFailure
  /** `at_once`: the hub asked for it. */
  readonly again: 'at_once' | 'later' | 'never'
}

/** A connection that held this long (milliseconds) was a good one: the next wait starts small again. */
const STABLE_AFTER_MS = 5_000
/** The longest wait: a hub that is back gives up a lease after `leaseFor`. */
const CEILING_MS = (TIMING.leaseFor * 2) / 3
/** All apps of a node that stops come back at once, but not in the same moment (milliseconds). */
const AT_ONCE_MS = 200

/** Without a live connection: dial or back off. With one: sleep until woken. */
export async function serveLoop(loop: Loop): Promise<void> {
  const backoff = createBackoff({ ceiling: CEILING_MS })
  let patient = true
  for (let attempt = 1; !loop.closing.aborted; attempt += 1) {
    loop.setState({ state: 'connecting', attempt })
    const { failure, again } = await serveOnce(loop, attempt, () => {
      backoff.reset()
      patient = true
      attempt = 0
    })
    if (loop.closing.aborted) return
    if (again === 'never' || !failure.retryable || loop.options.retry === false) throw failure
    // Invited back again and again, it takes its time all the same.
    const retryInMs = again === 'at_once' && patient ? Math.round(Math.random() * AT_ONCE_MS) : backoff.next()
    patient &&= again !== 'at_once'
    loop.setState({ state: 'waiting', attempt, retryInMs })
    loop.observe({ type: 'retrying', error: failure, retryInMs })
    await delay(retryInMs, undefined, { signal: loop.closing }).catch(() => undefined)
  }
}

/** One connection, from dialling to its end; returns why it ended. */
async function serveOnce(loop: Loop, attempt: number, onStable: () => void): Promise<Ending> {
  const { address, closing } = loop
  const woken = Promise.withResolvers<WakeReason>()
  loop.observe({ type: 'connecting', address: address.origin, attempt })
  let stable: NodeJS.Timeout | undefined
  let renewing: NodeJS.Timeout | undefined
  try {
    const connection = await openConnection(address.origin, registerMessage(loop), handlersFor(loop, woken.resolve), closing)
    stable = setTimeout(onStable, STABLE_AFTER_MS)
    renewing = setInterval(() => connection.renew(held(loop)), TIMING.renewEvery)
    using leaving = whenAborted(closing)
    const reason = await Promise.race([woken.promise, leaving.promise])
    await connection.close()
    if (reason?.reason === 'dismissed') return { failure: reason.error, again: 'never' }
    return { failure: new HubUnreachable(address.origin, 'lost'), again: reason?.reason === 'invited' ? 'at_once' : 'later' }
  } catch (error) {
    const known = error instanceof SpacesError || error instanceof HubUnreachable
    return { failure: known ? error : new HubUnreachable(address.origin, 'network', { cause: error }), again: 'later' }
  } finally {
    clearTimeout(stable)
    clearInterval(renewing)
    lose(loop)
  }
}

/** There is no connection; may be told again. */
function lose({ down, outbox, runs }: Loop): void {
  down()
  outbox.detach()
  runs.connectionLost()
}

function handlersFor(loop: Loop, wake: (reason: WakeReason) => void): ConnectionHandlers {
  const { runs, outbox, observe } = loop
  let parting: WakeReason = { reason: 'lost' }
  return {
    onConnected: () => observe({ type: 'connected' }),
    onRegistering: () => observe({ type: 'registering', space: loop.options.space }),
    onRegistered(connection) {
      loop.setState({ state: 'serving', registration: connection.registration })
      observe({ type: 'registered', ...connection.registration })
      loop.up(connection)
      outbox.attach(connection.sendResult, connection.resumed)
      runs.connectionBack(connection.resumed)
    },
    onRequest(message) {
      if (!outbox.resend(message.request_id, message.lease_id)) runs.accept(toServedRequest(message), message.lease_id)
    },
    onCancel: (message) => runs.cancel(message.request_id, message.reason),
    onRefused(refusal) {
      // Of its results the outbox hears by their acknowledgements.
      if (refusal.event === APP_EVENTS.inferenceResult) return
      observe({ type: 'report_refused', refusal })
      runs.refused(refusal)
    },
    onGoodbye(goodbye) {
      observe({ type: 'goodbye', goodbye })
      parting = goodbye.reconnect ? { reason: 'invited' } : { reason: 'dismissed', error: new HubRefusal(goodbye.code, goodbye.message) }
    },
    onLost(detail) {
      // At once: what is said from now on must be kept.
      lose(loop)
      observe({ type: 'disconnected', reason: detail })
      wake(parting)
    },
    onIgnored: (event) => observe({ type: 'ignored', event }),
  }
}

function held({ runs, outbox }: Loop): LeasedRequest[] {
  return [...runs.held(), ...outbox.held()]
}

function registerMessage({ options, address, runs, outbox }: Loop): RegisterMessage {
  const token = options.token ?? address.token
  return {
    space_name: options.space,
    instance_id: (options.instance ?? hostname()).slice(0, 64),
    concurrency: options.concurrency ?? 1,
    prefetch: options.prefetch ?? 0,
    sdk: options.sdk ?? 'websocket-spaces-js/0.1.0',
    resume: [...runs.resumable(), ...outbox.held()].slice(0, LIMITS.leasesPerMessage),
    ...(token === undefined ? {} : { token }),
  }
}

function toServedRequest(message: HandedRequest): ServedRequest {
  return {
    id: message.request_id,
    username: message.username,
    prompt: message.payload.prompt,
    payload: message.payload,
    attempt: message.attempt,
    deadlineSeconds: message.deadline_seconds,
  }
}

/** For a signal that outlives whoever waits for it: stops listening when disposed. */
export function whenAborted(signal: AbortSignal): Disposable & { readonly promise: Promise<undefined> } {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const onAbort = () => resolve(undefined)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return { promise, [Symbol.dispose]: () => signal.removeEventListener('abort', onAbort) }
}
