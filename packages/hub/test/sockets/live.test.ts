import { afterAll, beforeAll, expect, test } from 'vitest'
import { LIMITS, LIVE_CALLS, LIVE_EVENTS, type RequestEventPush } from '@websocket-spaces/protocol'
import { eventually } from '../support/eventually.ts'
import { type OwnSpace, type Person, startHub, type TestHub } from '../support/hub.ts'
import { connectLive, type LiveSocket, serve } from '../support/sockets.ts'

let hub: TestHub
let alice: Person
let bob: Person
beforeAll(async () => {
  hub = await startHub()
  alice = await hub.signUp()
  bob = await hub.signUp()
})
afterAll(async () => {
  await hub[Symbol.asyncDispose]()
  expect(hub.errors).toEqual([])
})

/** Of what a socket heard of this space. */
function heardOf(live: LiveSocket, { space }: OwnSpace): string[] {
  return live.heard.filter(({ data }) => (data as { space_id?: string }).space_id === space.id).map(({ event }) => event)
}

/** Something that everybody hears, after which what was before has been heard too. */
async function settled(...sockets: LiveSocket[]): Promise<void> {
  const landmark = await hub.admin.makeSpace()
  using _ = await serve(hub.url, landmark)
  for (const live of sockets)
    await eventually(
      () => heardOf(live, landmark),
      (heard) => heard.includes(LIVE_EVENTS.spaceStatus),
    )
}

test("nobody listens without a session, and no other site does with somebody's", async () => {
  await expect(connectLive(hub.url, hub.nobody)).rejects.toThrow()
  await expect(connectLive(hub.url, { headers: { cookie: 'better-auth.session_token=forged.forged' } })).rejects.toThrow()
  for (const transports of [['websocket'], ['polling']]) {
    await expect(connectLive(hub.url, { headers: { ...alice.headers, origin: 'https://evil.example' } }, { transports })).rejects.toThrow()
    using live = await connectLive(hub.url, { headers: { ...alice.headers, origin: hub.url } }, { transports })
    expect(live.closed()).toBeNull()
  }
})

test("behind the operator's proxy, a page of the hub's own address listens and others do not", async () => {
  await using behind = await startHub({ TRUST_PROXY: 'true' })
  const own = 'https://spaces.example'
  const join = (origin: string, forwarded: string): ReturnType<typeof connectLive> =>
    connectLive(behind.url, { headers: { ...behind.admin.headers, origin, 'x-forwarded-host': forwarded } })
  using live = await join(own, 'spaces.example')
  expect(live.closed()).toBeNull()
  using added = await join(own, 'evil.example, spaces.example')
  expect(added.closed()).toBeNull()
  await expect(join('https://evil.example', 'spaces.example')).rejects.toThrow()
  await expect(join('https://evil.example', 'evil.example, spaces.example')).rejects.toThrow()
  const sent = { origin: own, 'x-forwarded-host': 'spaces.example' }
  expect((await behind.admin.call('POST', '/api/v1/keys', { name: 'k' }, sent)).status).toBe(201)
  expect((await hub.admin.call('POST', '/api/v1/keys', { name: 'k' }, sent)).status).toBe(403)
})

test('a program listens with an API key, until it is revoked', async () => {
  const { json } = await alice.call('POST', '/api/v1/keys', { name: 'a key' })
  const { token, id } = json as { token: string; id: string }
  using live = await connectLive(hub.url, { headers: { authorization: `Bearer ${token}` } })
  await alice.call('DELETE', `/api/v1/keys/${id}`)
  await live.gone()
})

test('who signs out or is banned is cut off', async () => {
  const carol = await hub.signUp()
  using live = await connectLive(hub.url, carol)
  await carol.call('POST', '/api/auth/sign-out', {})
  await live.gone()
  await expect(connectLive(hub.url, carol)).rejects.toThrow()
  const dave = await hub.signUp()
  const { id } = (await dave.call('GET', '/api/v1/me')).json as { id: string }
  using his = await connectLive(hub.url, dave)
  await hub.admin.call('PATCH', `/api/v1/admin/users/${id}`, { banned: true })
  await his.gone()
  await expect(connectLive(hub.url, dave)).rejects.toThrow()
})

test('a follow brings the history, then what happens, and ends with the result', async () => {
  const own = await alice.makeSpace()
  using app = await serve(hub.url, own, { concurrency: 1, prefetch: 0 })
  const [first, second] = [await alice.submit(own), await alice.submit(own)]
  await app.request()
  using live = await connectLive(hub.url, alice)
  expect(await live.call(LIVE_CALLS.follow, { request_id: second.id })).toEqual({ ok: true })
  const items = (): RequestEventPush['item'][] => live.all(LIVE_EVENTS.requestEvent).map((push) => (push as RequestEventPush).item)
  const third = await alice.submit(own)
  await eventually(items, (all) => all.some((item) => item.type === 'position' && item.position === 1 && item.queue_length === 2))
  await alice.call('POST', third.urls.cancel)
  await app.report('inference_result', { request_id: first.id, status: 'completed', result: {} })
  await app.request(2)
  await app.report('inference_output', { request_id: second.id, text: 'Hi' })
  await app.report('inference_result', { request_id: second.id, status: 'completed', result: { text_output: 'Hi' } })
  await eventually(items, (all) => all.at(-1)?.type === 'result')
  const numbered = items().filter((item) => item.type !== 'position')
  expect(numbered.map(({ seq, type }) => [seq, type])).toEqual([
    [1, 'status'],
    [2, 'status'],
    [3, 'output'],
    [4, 'result'],
  ])
  // Again from a cursor, and once more from the end.
  await live.call(LIVE_CALLS.follow, { request_id: second.id, after: 3 })
  await eventually(
    () => items().filter(({ type }) => type === 'result'),
    (results) => results.length === 2,
  )
  expect(await live.call(LIVE_CALLS.follow, { request_id: second.id, after: 4 })).toEqual({ ok: true })
  expect(items().filter(({ type }) => type === 'output')).toHaveLength(1)
})

test("another's requests cannot be followed; the owner of the space may", async () => {
  const own = await alice.makeSpace()
  using app = await serve(hub.url, own)
  const { id } = await bob.submit(own)
  await app.request()
  const carol = await hub.signUp()
  using hers = await connectLive(hub.url, carol)
  using owners = await connectLive(hub.url, alice)
  expect(await hers.call(LIVE_CALLS.follow, { request_id: id })).toMatchObject({ ok: false, error: { code: 'not_found' } })
  expect(await hers.call(LIVE_CALLS.follow, { request_id: 'nothing' })).toMatchObject({ ok: false, error: { code: 'not_found' } })
  expect(await owners.call(LIVE_CALLS.follow, { request_id: id })).toEqual({ ok: true })
})

test('follows are limited; one already followed may be followed anew', async () => {
  const own = await alice.makeSpace({ max_queue: 1_000 })
  using app = await serve(hub.url, own)
  const requests = await Promise.all(Array.from({ length: LIMITS.followsPerSocket + 1 }, () => alice.submit(own)))
  await app.request(requests.length)
  using live = await connectLive(hub.url, alice)
  const [first, ...others] = requests.map(({ id }) => ({ request_id: id }))
  for (const call of others) expect(await live.call(LIVE_CALLS.follow, call)).toEqual({ ok: true })
  expect(await live.call(LIVE_CALLS.follow, first)).toMatchObject({ ok: false, error: { code: 'too_many' } })
  expect(await live.call(LIVE_CALLS.follow, others[0])).toEqual({ ok: true })
  expect(await live.call(LIVE_CALLS.unfollow, others[0])).toEqual({ ok: true })
  await eventually(
    () => live.call(LIVE_CALLS.follow, first),
    ({ ok }) => ok,
  )
})

test('of a public space everybody hears, of a hidden one only who may see it', async () => {
  using hers = await connectLive(hub.url, alice)
  using his = await connectLive(hub.url, bob)
  using admins = await connectLive(hub.url, hub.admin)
  for (const live of [hers, his, admins]) expect(await live.call(LIVE_CALLS.watchGallery)).toMatchObject({ ok: true })
  for (const visibility of ['public', 'unlisted', 'private'] as const) {
    const own = await alice.makeSpace({ visibility })
    using app = await serve(hub.url, own)
    await alice.submit(own)
    await app.request()
    await alice.call('PATCH', own.path, { emoji: '🦊' })
    await alice.call('DELETE', own.path)
    await settled(hers, his, admins)
    for (const live of [hers, admins]) {
      expect(heardOf(live, own)).toContain(LIVE_EVENTS.spaceStatus)
      expect(heardOf(live, own)).toContain(LIVE_EVENTS.spaceChanged)
    }
    if (visibility === 'public') expect(heardOf(his, own)).toContain(LIVE_EVENTS.spaceStatus)
    else expect(heardOf(his, own)).toEqual([])
  }
})

test('an unlisted space is heard of by who opened its page, a private one by nobody else', async () => {
  const [unlisted, hidden] = [await alice.makeSpace({ visibility: 'unlisted' }), await alice.makeSpace({ visibility: 'private' })]
  using his = await connectLive(hub.url, bob)
  await his.call(LIVE_CALLS.watchGallery)
  expect(await his.call(LIVE_CALLS.watchSpace, { space_id: unlisted.space.id })).toMatchObject({ ok: true, spaces: [{ connected: false }] })
  expect(await his.call(LIVE_CALLS.watchSpace, { space_id: hidden.space.id })).toMatchObject({
    ok: false,
    error: { code: 'space_not_found' },
  })
  using _ = await serve(hub.url, unlisted)
  using __ = await serve(hub.url, hidden)
  await eventually(
    () => heardOf(his, unlisted),
    (heard) => heard.includes(LIVE_EVENTS.spaceStatus),
  )
  await settled(his)
  expect(heardOf(his, hidden)).toEqual([])
})

test('a space that becomes private tells the galleries it leaves, and falls silent for strangers', async () => {
  const own = await alice.makeSpace()
  using his = await connectLive(hub.url, bob)
  await his.call(LIVE_CALLS.watchGallery)
  await his.call(LIVE_CALLS.watchSpace, { space_id: own.space.id })
  await alice.call('PATCH', own.path, { visibility: 'private' })
  await eventually(
    () => heardOf(his, own),
    (heard) => heard.includes(LIVE_EVENTS.spaceChanged),
  )
  const before = heardOf(his, own).length
  using _ = await serve(hub.url, own)
  await alice.call('PATCH', own.path, { emoji: '🦊' })
  await settled(his)
  expect(heardOf(his, own)).toHaveLength(before)
})

test("a user's tabs hear of their requests, and of nobody else's", async () => {
  const own = await alice.makeSpace()
  using app = await serve(hub.url, own)
  using hers = await connectLive(hub.url, alice)
  using his = await connectLive(hub.url, bob)
  const { id } = await bob.submit(own)
  await app.request()
  await app.report('inference_result', { request_id: id, status: 'completed', result: {} })
  const statuses = await eventually(
    () => his.all(LIVE_EVENTS.myRequest),
    (all) => all.length === 2,
  )
  expect(statuses.map((push) => (push as { status: string }).status)).toEqual(['processing', 'completed'])
  expect(hers.all(LIVE_EVENTS.myRequest)).toEqual([])
})

test('connections are for admins; malformed and unknown calls are refused', async () => {
  using hers = await connectLive(hub.url, alice)
  using admins = await connectLive(hub.url, hub.admin)
  expect(await hers.call(LIVE_CALLS.watchConnections)).toMatchObject({ ok: false, error: { code: 'forbidden' } })
  expect(await admins.call(LIVE_CALLS.watchConnections)).toEqual({ ok: true })
  using _ = await serve(hub.url, await alice.makeSpace())
  await admins.next(LIVE_EVENTS.connections, 2)
  for (const message of [{}, { request_id: 5 }, [], 'text', { request_id: 'x', after: -1 }]) {
    expect(await hers.call(LIVE_CALLS.follow, message)).toMatchObject({ ok: false, error: { code: 'invalid_input' } })
  }
  hers.socket.emit('nothing we know', {})
  hers.socket.emit(LIVE_CALLS.follow)
  expect(await hers.call(LIVE_CALLS.watchGallery)).toMatchObject({ ok: true })
})
