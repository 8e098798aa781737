/** An app that answers at once, for the relay and the hub alike; a prompt that starts with `stream` is answered in pieces. */
import { setTimeout as sleep } from 'node:timers/promises'
import { io, type Socket } from 'socket.io-client'
import { z } from 'zod'
import { answerCalls } from './answer.ts'

const connectParams = z.object({ port: z.number(), space: z.string(), token: z.string(), concurrency: z.number() })
const goParams = z.object({ deltas: z.number(), perSecond: z.number() })
const registerAnswer = z.object({ success: z.boolean(), message: z.string() })
const inferenceRequest = z.object({ request_id: z.string(), payload: z.object({ prompt: z.string() }) })

let socket: Socket | undefined
const toStream = Promise.withResolvers<string>()

async function connect(params: unknown): Promise<void> {
  const { port, space, token, concurrency } = connectParams.parse(params)
  const dialled = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], auth: { token }, forceNew: true })
  socket = dialled
  const registered = Promise.withResolvers<void>()
  dialled.on('connect', () => dialled.emit('register', { space_name: space, token, concurrency, prefetch: 0, instance_id: 'bench' }))
  dialled.on('register_response', (raw: unknown) => {
    const { success, message } = registerAnswer.parse(raw)
    if (success) registered.resolve()
    else registered.reject(new Error(message))
  })
  dialled.on('inference_request', (raw: unknown) => {
    const { request_id, payload } = inferenceRequest.parse(raw)
    if (payload.prompt.startsWith('stream')) return toStream.resolve(request_id)
    dialled.emit('inference_result', { request_id, status: 'completed', result: { text_output: payload.prompt, model_used: 'echo' } })
  })
  await registered.promise
}

/** Sends numbered, time-stamped pieces at a fixed pace. Answers with the time of the first, milliseconds since 1970. */
async function stream(params: unknown): Promise<number> {
  const { deltas, perSecond } = goParams.parse(params)
  const request_id = await toStream.promise
  const startedAt = now()
  void pace(request_id, deltas, 1000 / perSecond, startedAt)
  return startedAt
}

async function pace(request_id: string, deltas: number, every: number, startedAt: number): Promise<void> {
  for (let index = 0; index < deltas; index += 1) {
    const early = startedAt + index * every - now()
    if (early > 0) await sleep(early)
    socket?.emit('inference_output', { request_id, text: `${index}:${now().toFixed(1)};` })
  }
  const early = startedAt + deltas * every - now()
  if (early > 0) await sleep(early)
  socket?.emit('inference_result', { request_id, status: 'completed', result: { text_output: 'done' } })
}

/** Comparable between processes of one machine. */
function now(): number {
  return performance.timeOrigin + performance.now()
}

answerCalls({ connect, stream }, () => void socket?.disconnect())
