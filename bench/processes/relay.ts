/**
 * The least that can be done: HTTP submit → socket → app → socket → HTTP reply. No sign-in, nothing stored,
 * nothing checked. What the hub is measured against. `GET /` answers at once and shows what the load generator can do.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'
import { z } from 'zod'
import { answerCalls } from './answer.ts'

const submitBody = z.object({ input: z.object({ prompt: z.string() }) })
const resultMessage = z.object({ request_id: z.string(), result: z.unknown() })

const waiting = new Map<string, ServerResponse>()
let app: Socket | undefined

const http = createServer((request, response) => {
  if (request.method === 'GET') return reply(response, { id: 'none', status: 'completed', result: { text_output: 'at once' } })
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => relay(request, Buffer.concat(chunks).toString(), response))
})
const io = new Server(http, { serveClient: false })

io.on('connection', (socket) => {
  socket.on('register', () => {
    app = socket
    socket.emit('register_response', { success: true, connection_id: socket.id, space_id: 'none', space: 'none', message: 'ok' })
  })
  socket.on('inference_result', (raw: unknown) => {
    const { request_id, result } = resultMessage.parse(raw)
    const response = waiting.get(request_id)
    waiting.delete(request_id)
    if (response !== undefined) reply(response, { id: request_id, status: 'completed', result })
  })
})

function relay(_request: IncomingMessage, body: string, response: ServerResponse): void {
  const { prompt } = submitBody.parse(JSON.parse(body)).input
  const id = randomUUID()
  waiting.set(id, response)
  const payload = { prompt, timestamp: Date.now() / 1000 }
  app?.emit('inference_request', { request_id: id, username: 'bench', payload, attempt: 1, deadline_seconds: 120 })
}

function reply(response: ServerResponse, body: object): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}

http.listen(0, '127.0.0.1', () => {
  const { port } = http.address() as AddressInfo
  answerCalls({ port: () => port })
})
