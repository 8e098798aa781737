/** Many readers of one request's event stream. */
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { summarize } from '../statistics.ts'
import { answerCalls } from './answer.ts'

const openParams = z.object({ port: z.number(), path: z.string(), authorization: z.string(), followers: z.number() })
const event = z.object({ type: z.string(), text: z.string().optional() })

interface Followed {
  readonly finishedAt: number
  readonly lags: readonly number[]
  readonly events: number
}

let following: Promise<Followed>[] = []

/** Resolves when every reader has the head of its answer. */
async function open(params: unknown): Promise<void> {
  const { port, path, authorization, followers } = openParams.parse(params)
  const responses = await Promise.all(
    Array.from({ length: followers }, async () => {
      const request = get({ port, path, host: '127.0.0.1', agent: false, headers: { authorization, accept: 'text/event-stream' } })
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      if (response.statusCode !== 200) throw new Error(`follow was answered with ${response.statusCode}`)
      return response
    }),
  )
  following = responses.map((response) => follow(response))
}

async function follow(response: IncomingMessage): Promise<Followed> {
  const lags: number[] = []
  let finishedAt = 0
  let events = 0
  for await (const line of createInterface({ input: response })) {
    if (!line.startsWith('data: ')) continue
    const { type, text } = event.parse(JSON.parse(line.slice(6)))
    const at = now()
    events += 1
    if (type === 'result') finishedAt = at
    for (const piece of (text ?? '').split(';').slice(0, -1)) {
      const [index, sentAt] = piece.split(':')
      if (Number(index) !== lags.length) throw new Error(`expected piece ${lags.length}, got ${index}`)
      lags.push(at - Number(sentAt))
    }
  }
  return { finishedAt, lags, events }
}

/** When all have the result. Fails when one of them missed a piece, got it twice or out of order. */
async function finish(params: unknown) {
  const { deltas } = z.object({ deltas: z.number() }).parse(params)
  const followed = await Promise.all(following)
  for (const { lags, finishedAt } of followed) {
    if (lags.length !== deltas || finishedAt === 0) throw new Error(`a follower got ${lags.length} of ${deltas} pieces`)
  }
  const { p50, p99 } = summarize(followed.flatMap(({ lags }) => lags))
  return {
    finishedAt: Math.max(...followed.map((one) => one.finishedAt)),
    p50,
    p99,
    events: Math.max(...followed.map((one) => one.events)),
  }
}

function now(): number {
  return performance.timeOrigin + performance.now()
}

answerCalls({ open, finish })
