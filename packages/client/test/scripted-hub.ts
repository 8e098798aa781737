/** A real Socket.IO server on a free port that a test plays the hub with, move by move. */
import { APP_EVENTS, type Ack, type InferenceCancel, type InferenceResult } from '@websocket-spaces/protocol'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'

export interface ScriptedHub extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** The next app that dials in. */
  nextApp(): Promise<AppEnd>
}

/** The hub's end of one app's socket: what came in is queued until the test asks for it. */
export interface AppEnd {
  readonly socket: Socket
  next(event: string): Promise<Incoming>
  /** @param resumed what goes on, and how many characters of its output arrived; as a hub of the first kind without. */
  accept(resumed?: readonly { request_id: string; output_chars: number }[]): Promise<Record<string, unknown>>
  refuse(code: string, message: string): Promise<void>
  /** Under the lease `lease-<attempt>`; without one where `leased` is false. */
  hand(requestId: string, more?: { prompt?: string; attempt?: number; leased?: boolean }): void
  cancel(requestId: string, reason: InferenceCancel['reason']): void
  /** How many of an event have come that nobody has asked for. */
  waiting(event: string): number
  /** Resolves when the app has handled all that was sent to it so far. */
  echo(): Promise<void>
  result(): Promise<{ message: InferenceResult; answer: (ack: Ack) => void }>
}

export interface Incoming {
  readonly payload: Record<string, unknown>
  readonly acknowledge: ((ack: Ack) => void) | undefined
}

const WITHIN_MS = 8_000

export async function scriptedHub(port = 0): Promise<ScriptedHub> {
  const http = createServer()
  const server = new Server(http, { serveClient: false })
  const apps = createQueue<AppEnd>('an app')
  server.on('connection', (socket) => apps.push(appEnd(socket)))
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
  const { port: bound } = http.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    nextApp: () => apps.take(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}

function appEnd(socket: Socket): AppEnd {
  const queues = new Map<string, Queue<Incoming>>()
  const queueOf = (event: string) => {
    const queue = queues.get(event) ?? createQueue<Incoming>(event)
    queues.set(event, queue)
    return queue
  }
  socket.onAny((event: string, payload: Record<string, unknown>, acknowledge?: (ack: Ack) => void) => {
    queueOf(event).push({ payload, acknowledge })
  })
  socket.once('disconnect', (reason) => queueOf('disconnect').push({ payload: { reason }, acknowledge: undefined }))
  const next = (event: string) => queueOf(event).take()

  return {
    socket,
    next,
    async accept(resumed) {
      const { payload } = await next(APP_EVENTS.register)
      socket.emit(APP_EVENTS.registerResponse, {
        success: true,
        connection_id: `c-${socket.id}`,
        space_id: 's1',
        space: `alice/${String(payload.space_name)}`,
        message: `Successfully connected to space "${String(payload.space_name)}"`,
        ...(resumed === undefined ? {} : { resumed }),
      })
      return payload
    },
    async refuse(code, message) {
      await next(APP_EVENTS.register)
      socket.emit(APP_EVENTS.registerResponse, { success: false, code, message })
      socket.disconnect(true)
    },
    hand(requestId, { prompt = 'hello', attempt = 1, leased = true } = {}) {
      const payload = { prompt, timestamp: 1 }
      const request = { request_id: requestId, username: 'alice', payload, attempt, deadline_seconds: 120 }
      socket.emit(APP_EVENTS.inferenceRequest, leased ? { ...request, lease_id: `lease-${attempt}` } : request)
    },
    cancel: (requestId, reason) => void socket.emit(APP_EVENTS.inferenceCancel, { request_id: requestId, reason }),
    waiting: (event) => queueOf(event).size(),
    async echo() {
      // Answered in order, like all else, be it with "not understood".
      await socket.timeout(WITHIN_MS).emitWithAck(APP_EVENTS.goodbye, {})
    },
    async result() {
      const { payload, acknowledge } = await next(APP_EVENTS.inferenceResult)
      if (acknowledge === undefined) throw new Error('the result came without asking for an acknowledgement')
      return { message: payload as unknown as InferenceResult, answer: acknowledge }
    },
  }
}

export interface Queue<T> {
  push(item: T): void
  take(): Promise<T>
  size(): number
}

export function createQueue<T>(what: string): Queue<T> {
  const items: T[] = []
  const takers: ((item: T) => void)[] = []
  return {
    push(item) {
      const taker = takers.shift()
      if (taker === undefined) items.push(item)
      else taker(item)
    },
    async take() {
      if (items.length > 0) return items.shift() as T
      const { promise, resolve, reject } = Promise.withResolvers<T>()
      const timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), WITHIN_MS)
      takers.push(resolve)
      return promise.finally(() => clearTimeout(timer))
    },
    size: () => items.length,
  }
}
