/**
 * The load generator: some keep-alive connections, each with one request under way. Written on bare sockets, because
 * on a small machine every cycle it takes is taken from what it measures.
 */
import { connect, type Socket } from 'node:net'
import { z } from 'zod'
import { summarize } from '../statistics.ts'
import { answerCalls } from './answer.ts'

const plan = z.object({
  port: z.number(),
  method: z.enum(['GET', 'POST']),
  path: z.string(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
  /** Must be in every answer. */
  expect: z.string(),
  clients: z.number(),
  warmUpMs: z.number(),
  mostMs: z.number(),
  mostRequests: z.number(),
})
type Plan = z.infer<typeof plan>

/** Requests that are measured however slow the server is. */
const LEAST = 10
const HEAD_END = Buffer.from('\r\n\r\n')

async function run(params: unknown) {
  const asked = plan.parse(params)
  const request = encode(asked)
  const from = performance.now() + asked.warmUpMs
  const until = from + asked.mostMs
  const latencies: number[] = []
  let last = from
  const before = process.cpuUsage()
  await Promise.all(
    Array.from({ length: asked.clients }, () =>
      keepAsking(asked, request, (sentAt, at) => {
        if (sentAt >= from) {
          latencies.push(at - sentAt)
          last = at
        }
        return latencies.length < (at < until ? asked.mostRequests : LEAST)
      }),
    ),
  )
  const { user, system } = process.cpuUsage(before)
  const seconds = (last - from) / 1000
  return { ...summarize(latencies), perSecond: latencies.length / seconds, cpuMs: (user + system) / 1000 }
}

/** One client: asks, and asks again as soon as the answer is there, while `again` says so. */
async function keepAsking(asked: Plan, request: Buffer, again: (sentAt: number, at: number) => boolean): Promise<void> {
  const done = Promise.withResolvers<void>()
  const socket = connect({ port: asked.port, host: '127.0.0.1', noDelay: true })
  let sentAt = 0
  let received: Buffer | undefined
  function ask(): void {
    sentAt = performance.now()
    socket.write(request)
  }
  socket.on('connect', ask)
  socket.on('data', (chunk) => {
    received = received === undefined ? chunk : Buffer.concat([received, chunk])
    const text = completeAnswer(received)
    if (text === undefined) return
    received = undefined
    if (!text.startsWith('HTTP/1.1 200 ') || !text.includes(asked.expect))
      return fail(socket, done, new Error(`unexpected answer: ${text}`))
    if (again(sentAt, performance.now())) ask()
    else socket.destroy()
  })
  socket.on('error', (error) => fail(socket, done, error))
  socket.on('close', () => done.resolve())
  await done.promise
}

function fail(socket: Socket, done: PromiseWithResolvers<void>, error: Error): void {
  done.reject(error)
  socket.destroy()
}

/** The whole answer as text once it is all there. Understands answers with a content-length, which both servers give. */
function completeAnswer(received: Buffer): string | undefined {
  const end = received.indexOf(HEAD_END)
  if (end === -1) return undefined
  const head = received.toString('latin1', 0, end)
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`an answer without length:\n${head}`)
  return received.length < end + HEAD_END.length + Number(length) ? undefined : received.toString()
}

function encode({ method, path, headers, body, port }: Plan): Buffer {
  const length = method === 'GET' ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...headers, ...length }).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from([`${method} ${path} HTTP/1.1`, ...lines, '', method === 'GET' ? '' : body].join('\r\n'))
}

answerCalls({ run })
