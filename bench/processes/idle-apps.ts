/** Many apps that connect, register and then do nothing. */
import { io, type Socket } from 'socket.io-client'
import { z } from 'zod'
import { answerCalls } from './answer.ts'

const connectParams = z.object({
  port: z.number(),
  token: z.string(),
  spaces: z.array(z.string()).min(1),
  apps: z.number(),
  mostMs: z.number(),
})
const registerAnswer = z.object({ success: z.boolean(), message: z.string() })

/** Handshakes under way at once. */
const AT_ONCE = 64
const sockets: Socket[] = []

/** Answers with how many are registered when all are, or when the time is up. */
async function connect(params: unknown) {
  const { port, token, spaces, apps, mostMs } = connectParams.parse(params)
  const from = performance.now()
  let next = 0
  async function work(): Promise<void> {
    while (next < apps && performance.now() - from < mostMs) {
      const space = spaces[next % spaces.length] ?? ''
      next += 1
      await join(port, token, space)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return { connected: connected(), seconds: (performance.now() - from) / 1000 }
}

async function join(port: number, token: string, space: string): Promise<void> {
  const registered = Promise.withResolvers<void>()
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], auth: { token }, forceNew: true, reconnection: false })
  socket.on('connect', () => socket.emit('register', { space_name: space, token }))
  socket.on('connect_error', registered.reject)
  socket.on('disconnect', (reason) => registered.reject(new Error(reason)))
  socket.on('register_response', (raw: unknown) => {
    const { success, message } = registerAnswer.parse(raw)
    if (success) registered.resolve()
    else registered.reject(new Error(message))
  })
  await registered.promise
  sockets.push(socket)
}

function connected(): number {
  return sockets.filter((socket) => socket.connected).length
}

function leave(): void {
  for (const socket of sockets.splice(0)) socket.disconnect()
}

answerCalls({ connect, connected, leave }, leave)
