/** Several hubs on one PostgreSQL are one hub: at once with Redis, a little later without. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { APP_EVENTS, LIVE_CALLS, LIVE_EVENTS, type RequestEventPush } from '@websocket-spaces/protocol'
import { eventually } from './support/eventually.ts'
import { codeIn, type OwnSpace, type Person, person, startHub, type TestHub } from './support/hub.ts'
import { type PostgresServer, startPostgres } from './support/postgres-server.ts'
import { type RedisServer, startRedis } from './support/redis-server.ts'
import { connectLive, serve } from './support/sockets.ts'

let postgres: PostgresServer
let redis: RedisServer
beforeAll(async () => {
  ;[postgres, redis] = await Promise.all([startPostgres(), startRedis()])
})
afterAll(async () => {
  await postgres[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
})

describe.each(['with Redis', 'without Redis'])('two nodes %s', (kind) => {
  let here: TestHub
  let there: TestHub
  /** The same person at each node. */
  let alice: Person
  let aliceThere: Person
  beforeAll(async () => {
    const env = { DATABASE_URL: await postgres.createDatabase(), ...(kind === 'with Redis' ? { REDIS_URL: redis.url } : {}) }
    here = await startHub(env)
    there = await startHub(env)
    alice = await here.signUp()
    aliceThere = person(there.url, alice.name, alice.headers)
  })
  afterAll(async () => {
    await here[Symbol.asyncDispose]()
    await there[Symbol.asyncDispose]()
    expect([...here.errors, ...there.errors]).toEqual([])
  })

  async function statusThere({ path }: OwnSpace): Promise<{ connected: boolean; replicas: number }> {
    return ((await aliceThere.call('GET', path)).json as { status: { connected: boolean; replicas: number } }).status
  }

  function replicasThere(own: OwnSpace, wanted: number): Promise<unknown> {
    return eventually(
      () => statusThere(own),
      ({ replicas }) => replicas === wanted,
    )
  }

  test('an app is known at the other node as soon as it is welcomed, and gone when it leaves', async () => {
    const own = await alice.makeSpace()
    expect(codeIn(await aliceThere.call('POST', `${own.path}/requests`, { input: { prompt: 'p' } }))).toBe('app_not_connected')
    using app = await serve(here.url, own)
    expect(await statusThere(own)).toMatchObject({ connected: true, replicas: 1 })
    using second = await serve(there.url, own)
    expect(await statusThere(own)).toMatchObject({ replicas: 2 })
    second.socket.disconnect()
    await replicasThere(own, 1)
    app.socket.disconnect()
    await replicasThere(own, 0)
  })

  test('a request goes to the app at the other node, is followed live, and its result comes back', async () => {
    const own = await alice.makeSpace()
    using app = await serve(here.url, own, { concurrency: 1 })
    using live = await connectLive(there.url, aliceThere)
    const { id } = await aliceThere.submit(own, 'across')
    await live.call(LIVE_CALLS.follow, { request_id: id, after: 0 })
    expect(await app.request()).toMatchObject({ request_id: id, payload: { prompt: 'across' } })
    const waits = await aliceThere.submit(own, 'second')
    await live.call(LIVE_CALLS.follow, { request_id: waits.id, after: 0 })
    for (const text of ['a', 'b', 'c']) await app.report(APP_EVENTS.inferenceOutput, { request_id: id, text })
    await app.report(APP_EVENTS.inferenceResult, { request_id: id, status: 'completed', result: { text_output: 'abc' } })
    const items = await eventually(
      () =>
        (live.all(LIVE_EVENTS.requestEvent) as RequestEventPush[]).filter(({ request_id }) => request_id === id).map(({ item }) => item),
      (heard) => heard.some(({ type }) => type === 'result'),
    )
    const seqs = items.flatMap((item) => ('seq' in item ? [item.seq] : []))
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
    expect(items.flatMap((item) => (item.type === 'output' ? [item.text] : [])).join('')).toBe('abc')
    expect(await app.request(2)).toMatchObject({ request_id: waits.id })
    await app.report(APP_EVENTS.inferenceResult, { request_id: waits.id, status: 'completed', result: {} })
    expect(await aliceThere.view(waits.id)).toMatchObject({ status: 'completed' })
  })

  test('a cancel at one node reaches the app at the other, and its place is free when that has stopped', async () => {
    const own = await alice.makeSpace()
    using app = await serve(here.url, own, { concurrency: 1 })
    const { id } = await aliceThere.submit(own)
    await app.request()
    const next = await aliceThere.submit(own)
    expect((await aliceThere.call('POST', `/api/v1/requests/${id}/cancel`)).json).toMatchObject({ status: 'canceling' })
    expect(await app.next(APP_EVENTS.inferenceCancel)).toMatchObject({ request_id: id, reason: 'canceled' })
    await app.report(APP_EVENTS.inferenceResult, { request_id: id, status: 'canceled' })
    expect(await aliceThere.view(id)).toMatchObject({ status: 'canceled' })
    expect(await app.request(2)).toMatchObject({ request_id: next.id })
  })

  test('what waits is shared between apps at different nodes', async () => {
    const own = await alice.makeSpace()
    using one = await serve(here.url, own, { concurrency: 2 })
    using two = await serve(there.url, own, { concurrency: 2 })
    const ids = await Promise.all([1, 2, 3, 4].map(async () => (await alice.submit(own)).id))
    await Promise.all([one.request(2), two.request(2)])
    const got = [one, two].flatMap((app) => app.all(APP_EVENTS.inferenceRequest) as { request_id: string }[]).map((r) => r.request_id)
    expect(got.toSorted()).toEqual(ids.toSorted())
  })

  test('an app at another node is shown out: by its token, its space, its owner, an admin', async () => {
    const admin = person(there.url, 'admin', there.admin.headers)
    async function shownOut(how: (own: OwnSpace, carol: Person) => Promise<unknown>): Promise<string> {
      const carol = await here.signUp()
      const own = await carol.makeSpace()
      using app = await serve(here.url, own)
      await how(own, person(there.url, carol.name, carol.headers))
      const { code } = await app.goodbye()
      await app.gone()
      return code
    }
    const ways = [
      shownOut(async ({ path }, carol) => {
        const { items } = (await carol.call('GET', `${path}/tokens`)).json as { items: { id: string }[] }
        await carol.call('DELETE', `${path}/tokens/${items[0]?.id}`)
      }),
      shownOut(({ path }, carol) => carol.call('DELETE', path)),
      shownOut(async (_own, carol) => {
        const { id } = (await carol.call('GET', '/api/v1/me')).json as { id: string }
        await admin.call('PATCH', `/api/v1/admin/users/${id}`, { banned: true })
      }),
      shownOut(async ({ space }) => {
        const { connections } = (await admin.call('GET', '/api/v1/admin/connections')).json as {
          connections: { space_id: string; connection_id: string }[]
        }
        const mine = connections.find(({ space_id }) => space_id === space.id)
        expect((await admin.call('DELETE', `/api/v1/admin/connections/${mine?.connection_id}`)).status).toBe(204)
      }),
    ]
    expect(await Promise.all(ways)).toEqual(['token_revoked', 'space_not_found', 'token_revoked', 'forbidden'])
  })

  test('an app whose node stops is known to be gone, and its request goes to another', async () => {
    const own = await alice.makeSpace()
    const env = { DATABASE_URL: here.hub.config.databaseUrl ?? '', REDIS_URL: here.hub.config.redisUrl ?? '' }
    const third = await startHub(env)
    using leaving = await serve(third.url, own, { concurrency: 1 })
    const { id } = await aliceThere.submit(own)
    await leaving.request()
    await third[Symbol.asyncDispose]()
    await replicasThere(own, 0)
    using staying = await serve(here.url, own, { concurrency: 1 })
    expect(await staying.request()).toMatchObject({ request_id: id, attempt: 2 })
    expect(third.errors).toEqual([])
  })
})

test('without Redis, a banned user hears nothing more at another node soon', { timeout: 90_000 }, async () => {
  const env = { DATABASE_URL: await postgres.createDatabase() }
  await using here = await startHub(env)
  await using there = await startHub(env)
  const mallory = await here.signUp()
  const { id } = (await mallory.call('GET', '/api/v1/me')).json as { id: string }
  using live = await connectLive(there.url, person(there.url, mallory.name, mallory.headers))
  using stays = await connectLive(there.url, there.admin)
  await here.admin.call('PATCH', `/api/v1/admin/users/${id}`, { banned: true })
  await eventually(
    () => live.closed(),
    (reason) => reason !== null,
    60_000,
  )
  expect(stays.closed()).toBeNull()
})

test('with Redis, a banned user is signed out at every node at once', async () => {
  const env = { DATABASE_URL: await postgres.createDatabase(), REDIS_URL: redis.url }
  await using here = await startHub(env)
  await using there = await startHub(env)
  const mallory = await here.signUp()
  const malloryThere = person(there.url, mallory.name, mallory.headers)
  const { id } = (await malloryThere.call('GET', '/api/v1/me')).json as { id: string }
  using live = await connectLive(there.url, malloryThere)
  await here.admin.call('PATCH', `/api/v1/admin/users/${id}`, { banned: true })
  await live.gone()
  expect((await malloryThere.call('GET', '/api/v1/me')).status).toBe(401)
})
