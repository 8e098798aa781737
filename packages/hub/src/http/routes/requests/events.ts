import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { type FollowItem, requestId, requestParams, SpacesError, TIMING } from '@websocket-spaces/protocol'
import { z } from 'zod'
import type { Services } from '../../../services.ts'
import { Closed } from '../../closed.ts'
import { parse } from '../../errors.ts'
import { identityOf } from '../../identity.ts'

const seq = z.coerce.number().int().min(0)
const eventsQuery = z.object({ after: seq.optional() })

/** GET …/events: server-sent events from a cursor on, then live, until the result. */
export function eventsRoute(app: FastifyInstance, { requests, accounts }: Services): void {
  app.get('/api/v1/requests/:id/events', async (request, reply) => {
    const { id } = parse(requestParams, request.params)
    const seen = parse(seq, request.headers['last-event-id'] ?? parse(eventsQuery, request.query).after ?? 0)
    using gone = new Closed(reply.raw)
    const { phase, lastSeq } = await requests.find(requestId.parse(id), identityOf(request))
    // The answer that keeps a browser's EventSource from coming back for more.
    if (phase.at === 'finished' && seen >= lastSeq) return reply.status(204).send()
    const items = await requests.follow(requestId.parse(id), seen, identityOf(request), gone.signal)
    reply.hijack()
    const response = reply.raw
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) response.setHeader(name, value)
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
    response.flushHeaders()
    const isStillAllowed = async (): Promise<boolean> => (await accounts.authenticate(request.headers)) !== null
    await stream(items, response, gone.signal, isStillAllowed).catch((error: unknown) => {
      if (!gone.signal.aborted && !(error instanceof SpacesError)) request.log.error({ err: error }, 'event stream broke off')
    })
    response.end()
    return reply
  })
}

async function stream(
  items: AsyncIterable<FollowItem>,
  response: ServerResponse,
  signal: AbortSignal,
  isStillAllowed: () => Promise<boolean>,
): Promise<void> {
  const keepAlive = setInterval(() => {
    response.write(': keep-alive\n\n')
    // A stream may outlive the key or session it was opened with.
    isStillAllowed().then(
      (allowed) => {
        if (!allowed) response.destroy()
      },
      () => response.destroy(),
    )
  }, TIMING.streamKeepAlive)
  try {
    for await (const item of items) {
      if (response.write(frame(item))) continue
      // A slow reader holds up its own stream; the follow behind it is bounded.
      await once(response, 'drain', { signal })
    }
  } finally {
    clearInterval(keepAlive)
  }
}

function frame(item: FollowItem): string {
  const id = item.type === 'position' ? '' : `id: ${item.seq}\n`
  return `${id}event: ${item.type}\ndata: ${JSON.stringify(item)}\n\n`
}
