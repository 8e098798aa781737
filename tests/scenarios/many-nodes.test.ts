/** Three hub processes on one PostgreSQL and one Redis are one hub, also when one of them is killed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SpacesClient } from '@websocket-spaces/client'
import { APP_EVENTS, type FollowItem, LIVE_PATH, type RequestView, TIMING } from '@websocket-spaces/protocol'
import { io } from 'socket.io-client'
import { type PostgresServer, startPostgres } from '../../packages/hub/test/support/postgres-server.ts'
import { type RedisServer, startRedis } from '../../packages/hub/test/support/redis-server.ts'
import { startEchoApp } from '../harness/echo-app-process.ts'
import { eventually } from '../harness/eventually.ts'
import { type HubProcess, startHubProcess } from '../harness/hub-process.ts'
import { serve } from '../../packages/hub/test/support/sockets.ts'
import { type Line, startLine } from '../harness/line.ts'
import { makeSpace, type OwnedSpace, signInAdmin } from '../harness/people.ts'

const stack = new AsyncDisposableStack()
let postgres: PostgresServer
let redis: RedisServer
let a: HubProcess
let b: HubProcess
let c: HubProcess
/** A user at C, where no app is connected. */
let user: SpacesClient
let admin: SpacesClient
/** They lead to A, or to B, while that is there. */
let throughA: Line
let throughB: Line

beforeAll(async () => {
  postgres = stack.use(await startPostgres())
  redis = stack.use(await startRedis())
  const env = { DATABASE_URL: await postgres.createDatabase(), REDIS_URL: redis.url }
  ;[a, b, c] = (await Promise.all([1, 2, 3].map(async () => stack.use(await startHubProcess(env))))) as [HubProcess, HubProcess, HubProcess]
  throughA = stack.use(await startLine([a.url, b.url, c.url]))
  throughB = stack.use(await startLine([b.url, c.url]))
  admin = await signInAdmin(c.url)
  user = new SpacesClient({ host: c.url, apiKey: (await admin.createKey('many nodes')).token })
})
afterAll(() => stack.disposeAsync())

function finished(id: string): Promise<RequestView> {
  return eventually(
    () => user.getRequest(id),
    (view) => view.finished_at !== null,
    60_000,
  )
}

async function collect(items: AsyncIterable<FollowItem>): Promise<FollowItem[]> {
  const all: FollowItem[] = []
  for await (const item of items) all.push(item)
  return all
}

/** No gap, no duplicate, one result and that at the end. */
function expectWhole(items: readonly FollowItem[]): void {
  const events = items.flatMap((item) => ('seq' in item ? [item] : []))
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
  expect(events.filter(({ type }) => type === 'result')).toEqual(events.slice(-1))
}

function busySpace(): Promise<OwnedSpace> {
  return makeSpace(admin, { name: `many-${Date.now()}`, max_queue: 100_000 })
}

test('a request goes to the app at another node and is followed live; a cancel finds it there', async () => {
  const owned = await busySpace()
  await using app = await startEchoApp(throughA.url, owned, 'at-a')
  expect((await user.getSpace(owned.reference)).status).toMatchObject({ connected: true, replicas: 1 })
  const { id } = await user.submit(owned.reference, { prompt: 'across 你好' })
  const items = await collect(user.follow(id))
  expectWhole(items)
  expect(items.at(-1)).toMatchObject({ type: 'result', outcome: { status: 'completed', result: { text_output: 'across 你好' } } })

  const held = await user.submit(owned.reference, { prompt: 'hold this' })
  await app.line(new RegExp(`^started ${held.id}`))
  await user.cancel(held.id)
  // The app is told, and so takes the next one.
  const next = await user.submit(owned.reference, { prompt: 'next' })
  expect(await finished(next.id)).toMatchObject({ status: 'completed', result: { text_output: 'next' } })
  expect(await user.getRequest(held.id)).toMatchObject({ status: 'canceled' })
})

test(
  'a node is killed: its app comes back at another, and every accepted request has one outcome, the right one',
  { timeout: 120_000 },
  async () => {
    const owned = await busySpace()
    await using atA = await startEchoApp(throughA.url, owned, 'at-a')
    await using atB = await startEchoApp(throughB.url, owned, 'at-b')
    const accepted = new Map<string, string>()
    const follows: Promise<FollowItem[]>[] = []
    async function submit(prompt: string): Promise<string> {
      const { id } = await user.submit(owned.reference, { prompt })
      accepted.set(id, prompt)
      if (accepted.size % 5 === 1) follows.push(collect(user.follow(id)))
      return id
    }
    // One at each node, held until the node is gone.
    const [one, two] = [await submit('hold one'), await submit('hold two')]
    const both = new RegExp(`^started (${one}|${two})`)
    await Promise.all([atA.line(both), atB.line(both)])
    const lines = atA.lines.length
    const submitting = (async () => {
      for (let count = 0; count < 60; count += 1) {
        await submit(`request ${count}`)
        await sleep(20)
      }
    })()
    const lost = atA.lines.some((line) => line.startsWith(`started ${one}`)) ? one : two
    await a.kill()
    await atA.line(/^registered/, lines)
    await submitting
    atA.write('go\n')
    atB.write('go\n')

    for (const [id, prompt] of accepted) {
      expect(await finished(id)).toMatchObject({ status: 'completed', result: { text_output: prompt } })
      expectWhole(await collect(user.follow(id)))
    }
    expect(accepted.size).toBe(62)
    // It went on at the other node: nothing was lost.
    expect(await user.getRequest(lost)).toMatchObject({ attempts: 1 })
    for (const items of await Promise.all(follows)) expectWhole(items)
    // What the dead node had connected counts until its row has expired.
    const { status } = await eventually(
      () => user.getSpace(owned.reference),
      ({ status }) => status.replicas === 2,
      30_000,
    )
    expect(status).toMatchObject({ replicas: 2, queue_length: 0, processing: 0 })

    await a.start()
    const back = await signInAdmin(a.url)
    for (const [id, prompt] of accepted) expect((await back.getRequest(id)).result).toMatchObject({ text_output: prompt })
  },
)

test('while Redis is killed and back again nothing is lost, only later', { timeout: 120_000 }, async () => {
  const owned = await busySpace()
  await using app = await startEchoApp(throughB.url, owned, 'at-b')
  await redis.kill()
  const alone = await user.submit(owned.reference, { prompt: 'without Redis' })
  expect(await finished(alone.id)).toMatchObject({ status: 'completed', result: { text_output: 'without Redis' } })
  expectWhole(await collect(user.follow(alone.id)))
  await redis.start()
  const again = await user.submit(owned.reference, { prompt: 'with Redis' })
  expectWhole(await collect(user.follow(again.id)))
  expect(app.lines.filter((line) => line.startsWith('finished'))).toHaveLength(2)
})

test('while PostgreSQL is killed and back again, what was accepted stays accepted', { timeout: 120_000 }, async () => {
  const owned = await busySpace()
  await using app = await startEchoApp(throughB.url, owned, 'at-b')
  const held = await user.submit(owned.reference, { prompt: 'hold on' })
  await app.line(new RegExp(`^started ${held.id}`))
  const waits = await user.submit(owned.reference, { prompt: 'waits' })
  await postgres.kill()
  await expect(user.submit(owned.reference, { prompt: 'refused' })).rejects.toMatchObject({ code: 'storage_unavailable' })
  // The app finishes meanwhile, and keeps its result until it is stored.
  app.write('go\n')
  await app.line(new RegExp(`^finished ${held.id}`))
  await postgres.start()
  for (const { id } of [held, waits]) {
    expect(await finished(id)).toMatchObject({ status: 'completed' })
    expectWhole(await collect(user.follow(id)))
  }
})

test('a live socket that is opened while PostgreSQL is away comes to be when that is back', { timeout: 120_000 }, async () => {
  const { token } = await admin.createKey('a key no node has seen yet')
  await postgres.kill()
  const live = io(c.url, {
    path: LIVE_PATH,
    transports: ['websocket'],
    forceNew: true,
    extraHeaders: { authorization: `Bearer ${token}` },
    reconnectionDelay: 100,
    reconnectionDelayMax: 500,
  })
  using _ = { [Symbol.dispose]: () => live.disconnect() }
  // The first try has met a hub that could not say who this is.
  await eventually(() => c.child.lines.some((line) => line.includes('could not authenticate a live socket')), Boolean)
  await postgres.start()
  await eventually(() => live.connected, Boolean)
})

test('an app of the older kind comes back to a node that froze, was given up by the others and goes on', { timeout: 120_000 }, async () => {
  const owned = await busySpace()
  const app = io(a.url, { auth: { token: owned.token }, transports: ['websocket'], forceNew: true, reconnectionDelay: 100 })
  using _ = { [Symbol.dispose]: () => app.disconnect() }
  let welcomes = 0
  app.on('connect', () => void app.emit(APP_EVENTS.register, { space_name: owned.reference }))
  app.on(APP_EVENTS.registerResponse, () => (welcomes += 1))
  app.on(APP_EVENTS.inferenceRequest, ({ request_id }: { request_id: string }) => {
    app.emit(APP_EVENTS.inferenceResult, { request_id, status: 'completed', result: { text_output: 'done' } })
  })
  await eventually(
    () => welcomes,
    (count) => count === 1,
  )
  const isServed = async (): Promise<boolean> => (await user.getSpace(owned.reference)).status.connected
  a.child.kill('SIGSTOP')
  await eventually(isServed, (served) => !served)
  await sleep(2 * TIMING.nodeSilence)
  a.child.kill('SIGCONT')
  await eventually(
    () => welcomes,
    (count) => count === 2,
  )
  await eventually(isServed, Boolean)
  const { id } = await user.submit(owned.reference, { prompt: 'again' })
  expect(await finished(id)).toMatchObject({ status: 'completed', result: { text_output: 'done' } })
})

test(
  'a result that comes while PostgreSQL is away is kept until it is back, though its app asks for no answer',
  { timeout: 120_000 },
  async () => {
    const owned = await busySpace()
    using app = await serve(throughB.url, { ...owned, path: '' })
    const { id } = await user.submit(owned.reference, { prompt: 'meanwhile' })
    await app.request()
    await postgres.kill()
    app.socket.emit(APP_EVENTS.inferenceResult, { request_id: id, status: 'completed', result: { text_output: 'kept' } })
    await sleep(1_500)
    await postgres.start()
    expect(await finished(id)).toMatchObject({ status: 'completed', attempts: 1, result: { text_output: 'kept' } })
  },
)
