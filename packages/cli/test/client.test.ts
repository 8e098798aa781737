import { once } from 'node:events'
/** The SDK against a real hub. */
import { serveSpace, type RequestHandler, type ServedSpace, type ServeEvent } from '@websocket-spaces/client'
import { LIMITS, type FollowItem } from '@websocket-spaces/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { realHub, type RealHub } from './real-hub.ts'

let hub: RealHub
beforeAll(async () => {
  hub = await realHub()
})
afterAll(() => hub[Symbol.asyncDispose]())

async function served(onRequest: RequestHandler, more: { concurrency?: number; prefetch?: number } = {}) {
  const admin = await hub.admin()
  const { owner, name } = await admin.createSpace({ name: `S${crypto.randomUUID().slice(0, 8)}` })
  const space = `${owner}/${name}`
  const token = await admin.createConnectToken('test', space)
  const events: ServeEvent[] = []
  const app: ServedSpace = serveSpace({
    host: hub.url,
    space,
    token: token.token,
    onRequest,
    onEvent: (event) => events.push(event),
    ...more,
  })
  await app.registered
  return { admin, space, token, app, events, [Symbol.asyncDispose]: () => app.close() }
}

async function collect(items: AsyncIterable<FollowItem>): Promise<FollowItem[]> {
  const collected: FollowItem[] = []
  for await (const item of items) collected.push(item)
  return collected
}

describe('serving a space', () => {
  test('the whole story of a request, live and from the middle', async () => {
    await using at = await served((request, context) => {
      context.progress(0.5, 'half')
      context.output('one ')
      context.log('info', 'thinking')
      context.output('two')
      return { text_output: `one two ${request.prompt}` }
    })
    const { id } = await at.admin.submit(at.space, { prompt: '三' })
    const story = (await collect(at.admin.follow(id))).filter((item) => item.type !== 'position')
    expect(story.map((item) => item.seq)).toEqual(story.map((_item, index) => index + 1))
    expect(
      story
        .filter((item) => item.type === 'output')
        .map((item) => item.text)
        .join(''),
    ).toBe('one two')
    expect(story.at(-1)).toMatchObject({ type: 'result', outcome: { status: 'completed', result: { text_output: 'one two 三' } } })
    expect(await collect(at.admin.follow(id, { after: 2 }))).toEqual(story.slice(2))
  })

  test('what the app throws is what the person reads', async () => {
    await using at = await served(() => Promise.reject(new Error('no GPU memory left')))
    const done = await at.admin.submit(at.space, { prompt: 'x' }, { waitSeconds: 20 })
    expect(done).toMatchObject({ status: 'failed', error: { code: 'app_failed', message: 'no GPU memory left' } })
  })

  test('a result that is no JSON object, or too large, fails the request and nothing else', async () => {
    const results = [
      { when: new Date() },
      { text_output: 'x'.repeat(LIMITS.resultBytes + 1) },
      { text_output: 'x'.repeat(LIMITS.packetBytes) },
      { text_output: 'fine' },
    ]
    const handler = () => results.shift() as never
    await using at = await served(handler)
    const statuses: string[] = []
    for (let index = 0; index < 4; index += 1) statuses.push((await at.admin.submit(at.space, { prompt: 'x' }, { waitSeconds: 20 })).status)
    expect(statuses).toEqual(['failed', 'failed', 'failed', 'completed'])
    expect(at.events.filter((event) => event.type === 'disconnected')).toEqual([])
  })

  test('a cancel reaches the run', async () => {
    const stopped = Promise.withResolvers<unknown>()
    await using at = await served(async (_request, { signal }) => {
      await once(signal, 'abort')
      stopped.resolve(signal.reason)
      return {}
    })
    const { id } = await at.admin.submit(at.space, { prompt: 'x' })
    await expect.poll(() => at.events.some((event) => event.type === 'started')).toBe(true)
    expect((await at.admin.cancel(id)).status).toBe('canceling')
    expect(await stopped.promise).toMatchObject({ reason: 'canceled' })
    await expect.poll(async () => (await at.admin.getRequest(id)).status).toBe('canceled')
  })

  test('as many at once as declared, and the rest in order', async () => {
    let running = 0
    let most = 0
    await using at = await served(
      async () => {
        running += 1
        most = Math.max(most, running)
        await new Promise((resolve) => setTimeout(resolve, 50))
        running -= 1
        return {}
      },
      { concurrency: 3, prefetch: 4 },
    )
    const all = await Promise.all(Array.from({ length: 12 }, () => at.admin.submit(at.space, { prompt: 'x' }, { waitSeconds: 30 })))
    expect(all.map((request) => request.status)).toEqual(Array.from({ length: 12 }, () => 'completed'))
    expect(most).toBe(3)
  })

  test('revoking its token ends it, for the reason that it was revoked', async () => {
    await using at = await served(() => ({}))
    await at.admin.revokeConnectToken(at.token.id, at.space)
    await expect(at.app.ended).rejects.toMatchObject({ code: 'token_revoked' })
  })

  test('deleting its space ends it', async () => {
    await using at = await served(() => ({}))
    await at.admin.deleteSpace(at.space)
    await expect(at.app.ended).rejects.toMatchObject({ retryable: false })
  })

  test('a drain hands in what runs; what waits is served by the next app', async () => {
    const release = Promise.withResolvers<void>()
    await using at = await served(
      async (request) => {
        await release.promise
        return { text_output: `first app: ${request.prompt}` }
      },
      { prefetch: 10 },
    )
    const one = await at.admin.submit(at.space, { prompt: 'one' })
    const two = await at.admin.submit(at.space, { prompt: 'two' })
    await expect.poll(() => at.events.filter((event) => event.type === 'request').length).toBe(2)
    const closed = at.app.close({ drain: true })
    release.resolve()
    await closed
    expect((await at.admin.getRequest(one.id)).result).toEqual({ text_output: 'first app: one' })
    await using next = serveSpace({
      host: hub.url,
      space: at.space,
      token: at.token.token,
      onRequest: ({ prompt }) => ({ text_output: `next app: ${prompt}` }),
    })
    await next.registered
    await expect.poll(async () => (await at.admin.getRequest(two.id)).result).toEqual({ text_output: 'next app: two' })
  })
})

describe('a hub that restarts', () => {
  test('a run goes on through it: the same run is adopted and its result taken, once', async () => {
    await using own = await realHub()
    const admin = await own.admin()
    await admin.createSpace({ name: 'Through' })
    const { token } = await admin.createConnectToken('test', 'admin/Through')
    const release = Promise.withResolvers<void>()
    let runs = 0
    await using app = serveSpace({
      host: own.url,
      space: 'Through',
      token,
      async onRequest(_request, context) {
        runs += 1
        context.output('before ')
        await release.promise
        context.output('after')
        return { text_output: 'before after' }
      },
    })
    await app.registered
    const { id } = await admin.submit('admin/Through', { prompt: 'x' })
    await expect.poll(() => runs).toBe(1)
    await own.stop()
    await own.start()
    const back = await own.admin()
    await expect.poll(async () => (await back.getRequest(id)).status, { timeout: 20_000 }).toBe('processing')
    release.resolve()
    await expect.poll(async () => (await back.getRequest(id)).status, { timeout: 20_000 }).toBe('completed')
    expect(runs).toBe(1)
    const last = (await collect(back.follow(id))).at(-1)
    expect(last).toMatchObject({ type: 'result', outcome: { status: 'completed', result: { text_output: 'before after' } } })
  })
})
