import { afterAll, beforeAll, expect, test } from 'vitest'
import { APP_EVENTS, LIMITS } from '@websocket-spaces/protocol'
import { eventually } from '../support/eventually.ts'
import { type OwnSpace, type Person, startHub, type TestHub } from '../support/hub.ts'
import { connectApp, serve } from '../support/sockets.ts'

let hub: TestHub
let alice: Person
let own: OwnSpace
beforeAll(async () => {
  hub = await startHub()
  alice = await hub.signUp()
  own = await alice.makeSpace()
})
afterAll(async () => {
  await hub[Symbol.asyncDispose]()
  expect(hub.errors).toEqual([])
})

const DONE = { status: 'completed', result: { text_output: '完成', confidence: 0.95 } }

test("a request goes to the app and its reports and result come back, in order, in the app's own words", async () => {
  using app = await serve(hub.url, own)
  const { id } = await alice.submit(own, '写一首诗')
  const sent = await app.request()
  expect(sent).toMatchObject({ request_id: id, username: alice.name, payload: { prompt: '写一首诗' }, attempt: 1, deadline_seconds: 120 })
  // Without acks, as older apps speak.
  app.socket.emit(APP_EVENTS.inferenceProgress, { request_id: id, progress: 0.5, message: 'half' })
  app.socket.emit(APP_EVENTS.inferenceOutput, { request_id: id, text: 'a' })
  app.socket.emit(APP_EVENTS.inferenceOutput, { request_id: id, text: 'b' })
  app.socket.emit(APP_EVENTS.inferenceLog, { request_id: id, line: 'x'.repeat(LIMITS.logLineChars + 5) })
  app.socket.emit(APP_EVENTS.inferenceResult, { request_id: id, ...DONE })
  const view = await eventually(
    () => alice.view(id),
    ({ status }) => status === 'completed',
  )
  expect(view).toMatchObject({ result: DONE.result, progress: 1, attempts: 1 })
  const { text } = await alice.call('GET', view.urls.events)
  expect(text.match(/^event: \w+/gm)).toEqual(['status', 'status', 'progress', 'output', 'log', 'result'].map((type) => `event: ${type}`))
  expect(text).toContain('"text":"ab"')
  expect(app.all(APP_EVENTS.reportRefused)).toEqual([])
})

test('a result that is the last thing an app says before it goes is kept', async () => {
  using app = await serve(hub.url, own)
  const { id } = await alice.submit(own)
  await app.request()
  app.socket.emit(APP_EVENTS.inferenceOutput, { request_id: id, text: 'all' })
  app.socket.emit(APP_EVENTS.inferenceResult, { request_id: id, ...DONE })
  app.socket.disconnect()
  expect(
    await eventually(
      () => alice.view(id),
      ({ finished_at }) => finished_at !== null,
    ),
  ).toMatchObject({ status: 'completed', attempts: 1 })
})

test.each([
  ['an unknown request', { request_id: 'nothing', ...DONE }, 'not_found'],
  ['no request', DONE, 'invalid_input'],
  ['nothing', undefined, 'invalid_input'],
  ['a list', [1], 'invalid_input'],
  ['an unknown status', { request_id: 'x', status: 'great', result: {} }, 'invalid_input'],
  ['a result that is text', { request_id: 'x', status: 'completed', result: 'text' }, 'invalid_input'],
  ['bytes in a result', { request_id: 'x', status: 'completed', result: { bytes: Buffer.from('x') } }, 'invalid_input'],
])('a result for %s is refused, with a reason, and the connection stays', async (_, message, code) => {
  using app = await serve(hub.url, own)
  expect(await app.report(APP_EVENTS.inferenceResult, message)).toMatchObject({ ok: false, error: { code } })
  expect(await app.next(APP_EVENTS.reportRefused)).toMatchObject({ event: APP_EVENTS.inferenceResult, code })
  expect(app.closed()).toBeNull()
})

test("requests of other spaces and other apps, and finished ones, are not an app's to report on", async () => {
  const other = await alice.makeSpace()
  using app = await serve(hub.url, own)
  using stranger = await serve(hub.url, other)
  const { id } = await alice.submit(own)
  await app.request()
  const result = { request_id: id, ...DONE }
  for (const event of [APP_EVENTS.inferenceResult, APP_EVENTS.inferenceProgress, APP_EVENTS.inferenceOutput, APP_EVENTS.inferenceLog]) {
    const message = { ...result, progress: 0.1, text: 'x', line: 'x' }
    expect(await stranger.report(event, message)).toMatchObject({ ok: false, error: { code: 'not_found' } })
  }
  using sibling = await serve(hub.url, own)
  expect(await sibling.report(APP_EVENTS.inferenceResult, result)).toMatchObject({ error: { code: 'stale_lease' } })
  expect(await alice.view(id)).toMatchObject({ status: 'processing', progress: null })
  expect(await app.report(APP_EVENTS.inferenceResult, result)).toEqual({ ok: true })
  expect(await app.report(APP_EVENTS.inferenceResult, result)).toMatchObject({ error: { code: 'request_finished' } })
})

test('an app is told when its request is canceled or its time is up', async () => {
  const hasty = await alice.makeSpace({ deadline_seconds: 1 })
  using app = await serve(hub.url, hasty)
  const [first, second] = [await alice.submit(hasty), await alice.submit(hasty)]
  await app.request(2)
  expect((await alice.call('POST', second.urls.cancel)).json).toMatchObject({ status: 'canceled' })
  expect(await app.next(APP_EVENTS.inferenceCancel)).toEqual({ request_id: second.id, reason: 'canceled' })
  expect(await app.next(APP_EVENTS.inferenceCancel, 2)).toEqual({ request_id: first.id, reason: 'timeout' })
  expect(await alice.view(first.id)).toMatchObject({ status: 'failed', error: { code: 'timeout' } })
  expect(await app.report(APP_EVENTS.inferenceResult, { request_id: first.id, ...DONE })).toMatchObject({
    error: { code: 'request_finished' },
  })
})

test('a packet beyond the limit closes the connection; its requests go on elsewhere', async () => {
  const space = await alice.makeSpace()
  using app = await serve(hub.url, space)
  const { id } = await alice.submit(space)
  await app.request()
  app.socket.emit(APP_EVENTS.inferenceResult, { request_id: id, status: 'completed', result: { text: 'x'.repeat(LIMITS.packetBytes) } })
  await app.gone()
  using next = await serve(hub.url, space)
  expect(await next.request()).toMatchObject({ request_id: id, attempt: 2 })
})

test('revoking a token drops its connections at once and no others', async () => {
  const space = await alice.makeSpace()
  using app = await serve(hub.url, space)
  const { json } = await alice.call('POST', `${space.path}/tokens`, { name: 'another' })
  const another = json as { id: string; token: string }
  using other = await serve(hub.url, { ...space, token: another.token })
  await alice.call('DELETE', `${space.path}/tokens/${another.id}`)
  expect(await other.goodbye()).toMatchObject({ code: 'token_revoked', reconnect: false })
  await other.gone()
  expect(app.closed()).toBeNull()
  const { id } = await alice.submit(space)
  expect(await app.request()).toMatchObject({ request_id: id })
})

test('deleting a space ends its requests and tells its app what happened', async () => {
  const space = await alice.makeSpace()
  using app = await serve(hub.url, space)
  const { id } = await alice.submit(space)
  await app.request()
  expect((await alice.call('DELETE', space.path)).status).toBe(204)
  expect(await app.next(APP_EVENTS.inferenceCancel)).toEqual({ request_id: id, reason: 'space_deleted' })
  expect(await app.goodbye()).toMatchObject({ code: 'space_not_found', reconnect: false })
  await app.gone()
  expect((await alice.call('GET', `/api/v1/requests/${id}`)).status).toBe(404)
  using late = await connectApp(hub.url, { auth: { token: space.token } })
  expect(await late.register({ space_name: space.space.name })).toMatchObject({ success: false, code: 'token_invalid' })
})

test('an admin sees connections and shows one out', async () => {
  const space = await alice.makeSpace()
  using app = await serve(hub.url, space, { instance_id: 'gpu-box', concurrency: 3, prefetch: 2, sdk: 'test 1' })
  const { json } = await hub.admin.call('GET', '/api/v1/admin/connections')
  const { connections } = json as { connections: { space_id: string; connection_id: string }[] }
  const mine = connections.find(({ space_id }) => space_id === space.space.id)
  expect(mine).toMatchObject({
    instance: 'gpu-box',
    concurrency: 3,
    prefetch: 2,
    sdk: 'test 1',
    state: 'connected',
    transport: 'websocket',
    holding: 0,
  })
  const path = `/api/v1/admin/connections/${mine?.connection_id ?? ''}`
  expect((await alice.call('DELETE', path)).status).toBe(403)
  expect((await hub.admin.call('DELETE', path)).status).toBe(204)
  expect(await app.goodbye()).toMatchObject({ code: 'forbidden', reconnect: false })
  await app.gone()
  expect((await hub.admin.call('DELETE', path)).status).toBe(404)
})
