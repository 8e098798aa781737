import {
  ack as ackSchema,
  APP_EVENTS,
  errorBody,
  goodbye,
  inferenceCancel,
  inferenceRequest,
  LIMITS,
  registerResponse,
  reportRefused,
  SpacesError,
  TIMING,
  type Ack,
  type Goodbye,
  type InferenceCancel,
  type InferenceResult,
  type LeasedRequest,
  type RegisterMessage,
  type RegisterResponse,
  type ReportRefused,
} from '@websocket-spaces/protocol'
import { io, type Socket } from 'socket.io-client'
import type { z } from 'zod'
import { HubUnreachable, unreachable } from '../hub-unreachable.ts'
import { HubRefusal } from '../refusal.ts'
import { watchHub } from './hub-watch.ts'
import { breakOff, takeLeave } from './transport.ts'
import type { Registration } from './types.ts'

/** Hubs of the first kind name no lease. */
const handedRequest = inferenceRequest.partial({ lease_id: true })
export type HandedRequest = z.infer<typeof handedRequest>

export interface ConnectionHandlers {
  readonly onConnected: () => void
  readonly onRegistering: () => void
  /** Called before any request of this connection. */
  readonly onRegistered: (connection: Connection) => void
  readonly onRequest: (message: HandedRequest) => void
  readonly onCancel: (message: InferenceCancel) => void
  readonly onRefused: (message: ReportRefused) => void
  readonly onGoodbye: (message: Goodbye) => void
  readonly onLost: (reason: string) => void
  readonly onIgnored: (event: string) => void
}

/** One registered socket. */
export interface Connection {
  readonly registration: Registration
  /** Requests that go on from an earlier connection, and how many characters of each one's output the hub has. */
  readonly resumed: ReadonlyMap<string, number>
  readonly send: (event: string, message: object) => void
  /** Resolves with the hub's answer; rejects when none comes in time. */
  readonly sendResult: (message: InferenceResult) => Promise<Ack>
  /** Tells the hub that this app still works on these. */
  readonly renew: (leases: readonly LeasedRequest[]) => void
  /** Resolves when the hub hands us nothing more, or does not say so in time. */
  readonly drain: () => Promise<void>
  readonly close: () => Promise<void>
}

const DIAL_TIMEOUT_MS = 10_000
const ACK_TIMEOUT_MS = 10_000
const DRAIN_TIMEOUT_MS = 2_000
const CLOSE_TIMEOUT_MS = 500

/**
 * Dials the hub and registers.
 * @throws HubUnreachable when no hub answers, SpacesError when the hub refuses.
 */
export async function openConnection(
  origin: string,
  register: RegisterMessage,
  handlers: ConnectionHandlers,
  signal: AbortSignal,
): Promise<Connection> {
  signal.throwIfAborted()
  const socket = dial(origin, register.token)
  const stopped = Promise.withResolvers<never>()
  const stop = () => stopped.reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    const opening = connected(socket, origin)
    const watch = watchHub(socket.io.engine, () => breakOff(socket.io.engine))
    await Promise.race([opening, stopped.promise])
    handlers.onConnected()
    const onLost = (reason: string) => handlers.onLost(watch.silent ? 'hub silent' : reason)
    return await registered(socket, register, { ...handlers, onLost }, origin, stopped.promise)
  } catch (error) {
    socket.off()
    // Only who means to leave says so: what we held at the hub stays ours for a while otherwise.
    if (signal.aborted) takeLeave(socket)
    else breakOff(socket.io.engine)
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function dial(origin: string, token: string | undefined): Socket {
  return io(origin, {
    auth: token === undefined ? {} : { token },
    transports: ['websocket', 'polling'],
    tryAllTransports: true,
    reconnection: false,
    forceNew: true,
    autoConnect: false,
    timeout: DIAL_TIMEOUT_MS,
  })
}

function connected(socket: Socket, origin: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('connect', resolve)
  socket.once('connect_error', (error) => reject(handshakeFailure(origin, error)))
  socket.once('disconnect', () => reject(new HubUnreachable(origin, 'network')))
  socket.connect()
  return promise.finally(() => socket.off())
}

/** A hub may refuse at the handshake already; it then says why in our error form. */
function handshakeFailure(origin: string, error: Error): Error {
  const data: unknown = 'data' in error ? error.data : undefined
  const refusal = errorBody.shape.error.safeParse(data)
  if (refusal.success) return new HubRefusal(refusal.data.code, refusal.data.message)
  // The manager's own dial timeout is a bare Error with this message and no code.
  return error.message === 'timeout' ? new HubUnreachable(origin, 'timeout', { cause: error }) : unreachable(origin, error)
}

function registered(
  socket: Socket,
  register: RegisterMessage,
  handlers: ConnectionHandlers,
  origin: string,
  stopped: Promise<never>,
): Promise<Connection> {
  const { promise, resolve, reject } = Promise.withResolvers<Connection>()
  let parting: Goodbye | undefined
  let answered = false
  const timer = setTimeout(() => reject(new SpacesError('register_timeout')), TIMING.registerWithin)
  const listen = listener(socket, handlers.onIgnored)

  listen(APP_EVENTS.registerResponse, registerResponse, (answer) => {
    if (answered) return
    answered = true
    if (!answer.success) return reject(refusedRegistration(answer))
    const connection = createConnection(socket, answer)
    handlers.onRegistered(connection)
    resolve(connection)
  })
  listen(APP_EVENTS.inferenceRequest, handedRequest, handlers.onRequest)
  listen(APP_EVENTS.inferenceCancel, inferenceCancel, handlers.onCancel)
  listen(APP_EVENTS.reportRefused, reportRefused, handlers.onRefused)
  listen(APP_EVENTS.goodbye, goodbye, (message) => {
    parting = message
    handlers.onGoodbye(message)
  })
  socket.once('disconnect', (reason) => {
    handlers.onLost(reason)
    reject(parting === undefined ? new HubUnreachable(origin, 'network') : new HubRefusal(parting.code, parting.message))
  })
  socket.emit(APP_EVENTS.register, register)
  handlers.onRegistering()
  return Promise.race([promise, stopped]).finally(() => clearTimeout(timer))
}

const UNDERSTOOD: Ack = { ok: true }
const NOT_UNDERSTOOD: Ack = { ok: false, error: { code: 'invalid_input', message: 'This app does not understand the message' } }

/** Parses what comes in, once; acknowledges where the hub asked for it. */
function listener(socket: Socket, onIgnored: (event: string) => void) {
  return <T extends z.ZodType>(event: string, schema: T, handle: (message: z.output<T>) => void) => {
    socket.on(event, (payload: unknown, acknowledge?: (answer: Ack) => void) => {
      const parsed = schema.safeParse(payload)
      if (typeof acknowledge === 'function') acknowledge(parsed.success ? UNDERSTOOD : NOT_UNDERSTOOD)
      if (parsed.success) handle(parsed.data)
      else onIgnored(event)
    })
  }
}

function refusedRegistration(answer: Extract<RegisterResponse, { success: false }>): SpacesError {
  return new HubRefusal(answer.code, answer.message, { hint: answer.hint })
}

function createConnection(socket: Socket, answer: Extract<RegisterResponse, { success: true }>): Connection {
  return {
    registration: { connectionId: answer.connection_id, spaceId: answer.space_id, space: answer.space, message: answer.message },
    resumed: new Map(answer.resumed.map((one) => [one.request_id, one.output_chars])),
    send: (event, message) => void socket.emit(event, message),
    async sendResult(message) {
      return ackSchema.parse(await socket.timeout(ACK_TIMEOUT_MS).emitWithAck(APP_EVENTS.inferenceResult, message))
    },
    renew(leases) {
      for (let start = 0; start < leases.length; start += LIMITS.leasesPerMessage)
        socket.emit(APP_EVENTS.renew, { leases: leases.slice(start, start + LIMITS.leasesPerMessage) })
    },
    async drain() {
      await socket
        .timeout(DRAIN_TIMEOUT_MS)
        .emitWithAck(APP_EVENTS.drain, {})
        .catch(() => undefined)
    },
    close: () => hangUp(socket),
  }
}

/** Waits until the farewell has left the machine, so that the hub shows at once that the app is gone. */
async function hangUp(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
  if (socket.connected) socket.io.engine.once('close', () => resolve())
  else resolve()
  takeLeave(socket)
  await promise
  clearTimeout(timer)
}
