import { afterAll, beforeAll, expect, test } from 'vitest'
import { APP_EVENTS, type RegisterResponse } from '@websocket-spaces/protocol'
import { eventually } from '../support/eventually.ts'
import { type OwnSpace, type Person, startHub, type TestHub, unique } from '../support/hub.ts'
import { type AppSocket, connectApp, serve } from '../support/sockets.ts'

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

async function register(token: string | undefined, message: unknown): Promise<{ app: AppSocket; answer: RegisterResponse }> {
  const app = await connectApp(hub.url, token === undefined ? {} : { auth: { token } })
  return { app, answer: await app.register(message) }
}

async function refused(token: string | undefined, message: unknown): Promise<{ code: string; message: string }> {
  const { app, answer } = await register(token, message)
  using _ = app
  // Said first, then closed.
  await app.gone()
  if (answer.success) throw new Error('it was accepted')
  return { code: answer.code, message: answer.message }
}

function named({ space }: OwnSpace): { space_name: string } {
  return { space_name: space.name }
}

test('an app with the token of a space serves it', async () => {
  const own = await alice.makeSpace()
  using app = await connectApp(hub.url, { auth: { token: own.token } })
  expect(await app.register(named(own))).toEqual({
    success: true,
    resumed: [],
    connection_id: expect.any(String) as string,
    space_id: own.space.id,
    space: `${alice.name}/${own.space.name}`,
    message: `Successfully connected to space "${own.space.name}"`,
  })
})

test.each(['websocket', 'polling'])('over %s a refusal is heard before the connection is closed', async (transport) => {
  const own = await alice.makeSpace()
  using app = await connectApp(hub.url, { transports: [transport], auth: { token: 'wst_wrong' } })
  expect(await app.register(named(own))).toMatchObject({ success: false, code: 'token_invalid' })
  await app.gone()
})

test('the token may come in the address, in the handshake or in the message; the message wins', async () => {
  const own = await alice.makeSpace()
  using byAddress = await connectApp(`${hub.url}/?token=${own.token}`)
  using byMessage = await connectApp(hub.url, { auth: { token: 'wst_wrong' } })
  expect(await byAddress.register(named(own))).toMatchObject({ success: true })
  expect(await byMessage.register({ ...named(own), token: own.token })).toMatchObject({ success: true })
})

test('without a token, or with one that is wrong or revoked, nothing is served', async () => {
  const own = await alice.makeSpace()
  expect(await refused(undefined, named(own))).toMatchObject({ code: 'token_required' })
  expect(await refused('wst_wrong', named(own))).toMatchObject({ code: 'token_invalid' })
  expect(await refused(undefined, { ...named(own), token: '' })).toMatchObject({ code: 'token_invalid' })
  const listed = await alice.call('GET', `${own.path}/tokens`)
  const { id } = (listed.json as { items: [{ id: string }] }).items[0]
  expect((await alice.call('DELETE', `${own.path}/tokens/${id}`)).status).toBe(204)
  expect(await refused(own.token, named(own))).toMatchObject({ code: 'token_invalid' })
})

test('a wrong name, a wrong case and a name of the wrong form are told alike', async () => {
  const own = await alice.makeSpace({ name: unique('Case') })
  for (const name of [
    unique('nothing'),
    own.space.name.toLowerCase(),
    'a b',
    '',
    'a/b/c',
    `nobody/${own.space.name}`,
    `${bob.name}/${own.space.name}`,
  ]) {
    expect(await refused(own.token, { space_name: name })).toEqual({
      code: 'space_not_found',
      message: `Space "${name}" not found or is not a WebSocket space`,
    })
  }
})

test('a name that two public spaces have needs its owner too; who was connected stays', async () => {
  const name = unique('DUP')
  const hers = await alice.makeSpace({ name })
  using first = await serve(hub.url, hers)
  const his = await bob.makeSpace({ name })
  const { app, answer } = await register(hers.token, { space_name: name })
  using _ = app
  expect(answer).toEqual({
    success: false,
    code: 'space_ambiguous',
    message: `Multiple spaces with name "${name}" found. Please use unique space names.`,
    hint: expect.stringContaining('owner/name') as string,
  })
  using second = await serve(hub.url, his)
  expect([first.closed(), second.closed()]).toEqual([null, null])
})

test('hidden spaces of others neither make a name ambiguous nor betray themselves', async () => {
  for (const visibility of ['private', 'unlisted'] as const) {
    const name = unique('hidden')
    const hidden = await bob.makeSpace({ name, visibility })
    const own = await alice.makeSpace()
    expect(await refused(own.token, { space_name: name })).toMatchObject({ code: 'space_not_found' })
    expect(await refused(own.token, { space_name: `${bob.name}/${name}` })).toMatchObject({ code: 'space_not_found' })
    // To somebody without a token, every hidden or missing name is the same.
    const missing = await refused(undefined, { space_name: unique('missing') })
    expect(await refused(undefined, { space_name: name })).toEqual(missing)
    expect(await refused(undefined, { space_name: `${bob.name}/${name}` })).toEqual(missing)
    const hers = await alice.makeSpace({ name })
    using app = (await register(hers.token, { space_name: name })).app
    expect(app.all(APP_EVENTS.registerResponse)).toMatchObject([{ success: true, space_id: hers.space.id }])
    using his = await serve(hub.url, hidden)
    expect(his.closed()).toBeNull()
  }
})

test('a token serves its own space only; one of the owner serves all of theirs', async () => {
  const [one, two] = [await alice.makeSpace(), await alice.makeSpace()]
  const his = await bob.makeSpace()
  expect(await refused(one.token, named(two))).toMatchObject({ code: 'token_mismatch' })
  expect(await refused(one.token, named(his))).toMatchObject({ code: 'token_mismatch' })
  const { json } = await alice.call('POST', '/api/v1/tokens', { name: 'all of mine' })
  const { token } = json as { token: string }
  for (const own of [one, two]) {
    using app = await serve(hub.url, { ...own, token })
    expect(app.closed()).toBeNull()
  }
  expect(await refused(token, named(his))).toMatchObject({ code: 'token_mismatch' })
})

test('open registration needs no token until it is closed, and only an admin opens it', async () => {
  const own = await alice.makeSpace()
  expect((await alice.call('PATCH', own.path, { open_registration: true })).status).toBe(403)
  expect((await hub.admin.call('PATCH', own.path, { open_registration: true })).status).toBe(200)
  using app = (await register(undefined, named(own))).app
  using kept = await serve(hub.url, own)
  expect(app.all(APP_EVENTS.registerResponse)).toMatchObject([{ success: true }])
  expect((await alice.call('PATCH', own.path, { open_registration: false })).status).toBe(200)
  expect(await app.goodbye()).toMatchObject({ code: 'token_required', reconnect: false })
  await app.gone()
  expect(kept.closed()).toBeNull()
})

test('a second registration is refused and changes nothing', async () => {
  const [own, other] = [await alice.makeSpace(), await alice.makeSpace()]
  using app = await serve(hub.url, own)
  expect(await app.register({ ...named(other), token: other.token })).toMatchObject({ success: false, code: 'already_registered' })
  expect(app.closed()).toBeNull()
  await alice.submit(own)
  await app.request()
})

test('A4 several registrations in one go make one connection, and are answered in order', async () => {
  const own = await alice.makeSpace()
  using app = await connectApp(hub.url, { auth: { token: own.token } })
  for (let index = 0; index < 3; index += 1) app.socket.emit(APP_EVENTS.register, named(own))
  await app.next(APP_EVENTS.registerResponse, 3)
  const answers = app.all(APP_EVENTS.registerResponse) as RegisterResponse[]
  expect(answers.map(({ success }) => success)).toEqual([true, false, false])
  expect(await statusOf(own)).toMatchObject({ replicas: 1 })
})

test.each([
  ['nothing', undefined],
  ['null', null],
  ['text', 'TestSpace'],
  ['a list', []],
  ['a number for a name', { space_name: 5 }],
  ['a name too long', { space_name: 'x'.repeat(5_000) }],
  ['concurrency 0', { space_name: 'x', concurrency: 0 }],
  ['a token of the wrong type', { space_name: 'x', token: {} }],
])('a registration with %s is refused, not a crash', async (_, message) => {
  const own = await alice.makeSpace()
  expect(['invalid_input', 'space_not_found']).toContain((await refused(own.token, message)).code)
})

test('reports before registering are refused', async () => {
  using app = await connectApp(hub.url)
  const answer = await app.report(APP_EVENTS.inferenceResult, { request_id: 'x', status: 'completed', result: {} })
  expect(answer).toMatchObject({ ok: false, error: { code: 'not_registered' } })
  expect(await app.next(APP_EVENTS.reportRefused)).toMatchObject({
    request_id: 'x',
    event: APP_EVENTS.inferenceResult,
    code: 'not_registered',
  })
  expect(app.closed()).toBeNull()
})

test('an app that reports what it kept while it was away, and registers only then, is served', async () => {
  const own = await alice.makeSpace()
  using app = await connectApp(hub.url, { auth: { token: own.token } })
  // As clients do that buffer: it goes out ahead of whatever their connect handler sends.
  for (let index = 0; index < 20; index += 1) app.socket.emit(APP_EVENTS.inferenceProgress, { request_id: 'x', progress: 0.5 })
  expect(await app.register(named(own))).toMatchObject({ success: true })
  expect(app.all(APP_EVENTS.reportRefused)).toHaveLength(20)
  expect(app.closed()).toBeNull()
})

test('an app that takes leave of the namespace does not keep its connection', async () => {
  const own = await alice.makeSpace()
  using app = await serve(hub.url, own)
  const closed = new Promise((resolve) => app.socket.io.engine.once('close', resolve))
  // The message a client sends for `disconnect()`, without hanging up as it does.
  app.socket.io.engine.write('1')
  await closed
})

test('an app that hangs up while it registers leaves nothing behind', async () => {
  const own = await alice.makeSpace()
  for (let index = 0; index < 10; index += 1) {
    const app = await connectApp(hub.url, { auth: { token: own.token } })
    app.socket.emit(APP_EVENTS.register, named(own))
    if (index % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
    app.socket.disconnect()
  }
  await eventually(
    () => statusOf(own),
    ({ replicas }) => replicas === 0,
  )
})

test('a token revoked while an app registers does not leave it connected', async () => {
  for (let index = 0; index < 8; index += 1) {
    const own = await alice.makeSpace()
    const { id } = ((await alice.call('GET', `${own.path}/tokens`)).json as { items: [{ id: string }] }).items[0]
    using app = await connectApp(hub.url, { auth: { token: own.token } })
    const revoked = alice.call('DELETE', `${own.path}/tokens/${id}`)
    await new Promise((resolve) => setTimeout(resolve, index))
    app.socket.emit(APP_EVENTS.register, named(own))
    expect((await revoked).status).toBe(204)
    await app.gone()
    await eventually(
      () => statusOf(own),
      ({ replicas }) => replicas === 0,
    )
  }
})

async function statusOf({ path }: OwnSpace): Promise<{ replicas: number }> {
  return ((await alice.call('GET', path)).json as { status: { replicas: number } }).status
}
