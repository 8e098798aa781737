import { io, type Socket } from 'socket.io-client'
import { APP_EVENTS, LIVE_PATH } from '@websocket-spaces/protocol'

export interface AppSocket extends Disposable {
  register(space: string): Promise<unknown>
  /** What the hub said before it closed the connection. */
  readonly goodbye: Promise<unknown>
}

/** A bare app: a socket that can register and listen. */
export async function connectApp(url: string, token: string): Promise<AppSocket> {
  const socket = io(url, { auth: { token }, transports: ['websocket'], reconnection: false })
  const heard = Promise.withResolvers<unknown>()
  socket.once(APP_EVENTS.goodbye, heard.resolve)
  await connected(socket)
  return {
    goodbye: heard.promise,
    async register(space) {
      const answered = new Promise<unknown>((resolve) => {
        socket.once(APP_EVENTS.registerResponse, resolve)
      })
      socket.emit(APP_EVENTS.register, { space_name: space })
      return answered
    },
    [Symbol.dispose]() {
      socket.disconnect()
    },
  }
}

export interface LiveSocket extends Disposable {
  /** Why the hub closed it. */
  readonly closed: Promise<string>
}

/** A live socket as a program opens it; a browser's differs only in proving itself by cookie. */
export async function connectLive(url: string, key: string): Promise<LiveSocket> {
  const extraHeaders = { authorization: `Bearer ${key}` }
  const socket = io(url, { path: LIVE_PATH, extraHeaders, transports: ['websocket'], reconnection: false })
  const closed = Promise.withResolvers<string>()
  socket.once('disconnect', closed.resolve)
  await connected(socket)
  return {
    closed: closed.promise,
    [Symbol.dispose]() {
      socket.disconnect()
    },
  }
}

async function connected(socket: Socket): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', (error) => {
      socket.disconnect()
      reject(error)
    })
  })
}
