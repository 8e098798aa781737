/** An app that takes one request at a time and measures how long the hub takes from a result to the next request. */
import { io } from 'socket.io-client'
import { z } from 'zod'
import { summarize } from '../statistics.ts'
import { answerCalls } from './answer.ts'

const params = z.object({ port: z.number(), space: z.string(), token: z.string(), requests: z.number(), mostMs: z.number() })
const registerAnswer = z.object({ success: z.boolean(), message: z.string() })
const inferenceRequest = z.object({ request_id: z.string() })

async function work(asked: unknown) {
  const { port, space, token, requests, mostMs } = params.parse(asked)
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], auth: { token }, forceNew: true, reconnection: false })
  const done = Promise.withResolvers<void>()
  const times: number[] = []
  let answeredAt: number | undefined
  const timer = setTimeout(() => done.resolve(), mostMs)
  socket.on('connect', () => socket.emit('register', { space_name: space, token, concurrency: 1, prefetch: 0 }))
  socket.on('connect_error', done.reject)
  socket.on('register_response', (raw: unknown) => {
    const { success, message } = registerAnswer.parse(raw)
    if (!success) done.reject(new Error(message))
  })
  socket.on('inference_request', (raw: unknown) => {
    if (answeredAt !== undefined) times.push(performance.now() - answeredAt)
    if (times.length >= requests) return done.resolve()
    const { request_id } = inferenceRequest.parse(raw)
    answeredAt = performance.now()
    socket.emit('inference_result', { request_id, status: 'completed', result: { text_output: 'done' } })
  })
  try {
    await done.promise
  } finally {
    clearTimeout(timer)
    socket.disconnect()
  }
  return summarize(times)
}

answerCalls({ work })
