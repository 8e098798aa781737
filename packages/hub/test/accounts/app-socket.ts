import { io } from 'socket.io-client'
import { APP_EVENTS } from '@websocket-spaces/protocol'

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
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
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
