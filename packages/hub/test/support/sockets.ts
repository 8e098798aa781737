import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import {
  APP_EVENTS,
  goodbye,
  type Goodbye,
  inferenceRequest,
  type InferenceRequest,
  LIVE_PATH,
  liveAck,
  type LiveAck,
  registerResponse,
  type RegisterResponse,
} from '@websocket-spaces/protocol'
import { eventually } from './eventually.ts'
import type { OwnSpace, Person } from './hub.ts'

export interface Heard {
  readonly event: string
  readonly data: unknown
}

/** A socket that keeps everything it hears. */
export interface TestSocket extends Disposable {
  readonly socket: Socket
  readonly heard: readonly Heard[]
  /** Why it was closed; null while it is open. */
  readonly closed: () => string | null
  all(event: string): unknown[]
  /** Waits for the n-th message of this kind. */
  next(event: string, count?: number): Promise<unknown>
  gone(): Promise<string>
}

export async function connect(url: string, options: Partial<ManagerOptions & SocketOptions> = {}): Promise<TestSocket> {
  const socket = io(url, { transports: ['websocket'], reconnection: false, forceNew: true, ...options })
  const heard: Heard[] = []
  let reason: string | null = null
  socket.onAny((event: string, data: unknown) => heard.push({ event, data }))
  socket.on('disconnect', (why) => (reason = why))
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', (error) => {
      socket.disconnect()
      reject(error)
    })
  })
  const all = (event: string): unknown[] => heard.filter((message) => message.event === event).map(({ data }) => data)
  return {
    socket,
    heard,
    closed: () => reason,
    all,
    async next(event, count = 1) {
      const found = await eventually(
        () => all(event),
        (messages) => messages.length >= count,
      )
      return found[count - 1]
    },
    gone: async () =>
      (await eventually(
        () => reason,
        (why) => why !== null,
      )) ?? '',
    [Symbol.dispose]: () => void socket.disconnect(),
  }
}

export interface AppSocket extends TestSocket {
  register(message: unknown): Promise<RegisterResponse>
  goodbye(): Promise<Goodbye>
  request(count?: number): Promise<InferenceRequest>
  /** Sends a report and waits for what the hub says to it. */
  report(event: string, message: unknown): Promise<unknown>
}

export async function connectApp(url: string, options: Partial<ManagerOptions & SocketOptions> = {}): Promise<AppSocket> {
  const app = await connect(url, options)
  return {
    ...app,
    async register(message) {
      const before = app.all(APP_EVENTS.registerResponse).length
      app.socket.emit(APP_EVENTS.register, message)
      return registerResponse.parse(await app.next(APP_EVENTS.registerResponse, before + 1))
    },
    goodbye: async () => goodbye.parse(await app.next(APP_EVENTS.goodbye)),
    request: async (count = 1) => inferenceRequest.parse(await app.next(APP_EVENTS.inferenceRequest, count)),
    report: (event, message) => app.socket.emitWithAck(event, message) as Promise<unknown>,
  }
}

/** An app that serves a space. */
export async function serve(url: string, { space, token }: OwnSpace, terms: object = {}): Promise<AppSocket> {
  const app = await connectApp(url, { auth: { token } })
  const answer = await app.register({ space_name: `${space.owner}/${space.name}`, ...terms })
  if (!answer.success) throw new Error(answer.message)
  return app
}

export interface LiveSocket extends TestSocket {
  call(name: string, message?: unknown): Promise<LiveAck>
}

/** What a browser tab of this person listens with. */
export async function connectLive(
  url: string,
  { headers }: Pick<Person, 'headers'>,
  options: Partial<ManagerOptions & SocketOptions> = {},
): Promise<LiveSocket> {
  const live = await connect(url, { path: LIVE_PATH, extraHeaders: { ...headers }, ...options })
  return { ...live, call: async (name, message = {}) => liveAck.parse(await live.socket.emitWithAck(name, message)) }
}
