import { afterAll, beforeAll, expect, test } from 'vitest'
import { APP_EVENTS, LIMITS, type RequestPage, type RequestView } from '@websocket-spaces/protocol'
import { eventually } from '../support/eventually.ts'
import { codeIn, type OwnSpace, type Person, startHub, type TestHub } from '../support/hub.ts'
import { type AppSocket, serve } from '../support/sockets.ts'

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

async function served(settings: Parameters<Person['makeSpace']>[0] = {}): Promise<Disposable & { own: OwnSpace; app: AppSocket }> {
  const own = await alice.makeSpace(settings)
  const app = await serve(hub.url, own)
  return { own, app, [Symbol.dispose]: () => app[Symbol.dispose]() }
}

async function finish(app: AppSocket, request_id: string): Promise<void> {
  expect(await app.report('inference_result', { request_id, status: 'completed', result: { text_output: request_id } })).toEqual({
    ok: true,
  })
}

function submit(
  person: Person,
  { path }: OwnSpace,
  headers: Readonly<Record<string, string>> = {},
  prompt = 'p',
): ReturnType<Person['call']> {
  return person.call('POST', `${path}/requests`, { input: { prompt } }, headers)
}

test('a submit is accepted with its id, its place and where to look', async () => {
  using stage = await served()
  await bob.submit(stage.own)
  await stage.app.request()
  const answer = await submit(bob, stage.own)
  expect(answer.status).toBe(202)
  const view = answer.json as RequestView
  expect(view).toMatchObject({
    status: 'queued',
    position: 1,
    username: bob.name,
    space: `${alice.name}/${stage.own.space.name}`,
    result: null,
  })
  expect(answer.headers.get('location')).toBe(view.urls.self)
  expect(await bob.view(view.id)).toMatchObject({ id: view.id })
})

test('Prefer: wait holds until it is finished, or says how it stands', async () => {
  using stage = await served()
  const held = submit(alice, stage.own, { prefer: 'respond-async, wait=30' })
  const { request_id } = await stage.app.request()
  await finish(stage.app, request_id)
  const answer = await held
  expect([answer.status, answer.headers.get('preference-applied')]).toEqual([200, 'wait=30'])
  expect(answer.json).toMatchObject({ id: request_id, status: 'completed', result: { text_output: request_id } })
  for (const seconds of ['0', '1']) {
    const unfinished = await submit(alice, stage.own, { prefer: `wait=${seconds}` })
    expect([unfinished.status, unfinished.headers.get('preference-applied')]).toEqual([202, `wait=${seconds}`])
  }
})

test('events resume where the caller stopped, by header or query, and end for good', async () => {
  using stage = await served()
  const { id, urls } = await alice.submit(stage.own)
  await stage.app.request()
  await stage.app.report('inference_output', { request_id: id, text: 'a' })
  const open = alice.call('GET', urls.events)
  await finish(stage.app, id)
  const ids = ({ text }: { text: string }): string[] => text.match(/^id: \d+/gm) ?? []
  const whole = await open
  expect(whole.headers.get('content-type')).toContain('text/event-stream')
  expect(whole.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(ids(whole)).toEqual(['id: 1', 'id: 2', 'id: 3', 'id: 4'])
  expect(ids(await alice.call('GET', urls.events, undefined, { 'last-event-id': '2' }))).toEqual(['id: 3', 'id: 4'])
  expect(ids(await alice.call('GET', `${urls.events}?after=3`))).toEqual(['id: 4'])
  // What an EventSource does after the end; 204 tells it to stay away.
  for (const seen of ['4', '99']) {
    expect((await alice.call('GET', urls.events, undefined, { 'last-event-id': seen })).status).toBe(204)
  }
  expect(codeIn(await alice.call('GET', urls.events, undefined, { 'last-event-id': 'x' }))).toBe('invalid_input')
  expect((await bob.call('GET', urls.events)).status).toBe(404)
})

test('a stream resumed from the future goes on with what comes', async () => {
  using stage = await served()
  const { id, urls } = await alice.submit(stage.own)
  await stage.app.request()
  const open = alice.call('GET', urls.events, undefined, { 'last-event-id': '9000' })
  await new Promise((resolve) => setTimeout(resolve, 100))
  await finish(stage.app, id)
  expect((await open).text).toContain('event: result')
})

test('streams whose readers go away are let go of', async () => {
  using stage = await served()
  const { id, urls } = await alice.submit(stage.own)
  await stage.app.request()
  for (let index = 0; index < 20; index += 1) {
    const abort = new AbortController()
    const open = fetch(hub.url + urls.events, { headers: alice.headers, signal: abort.signal }).catch(() => null)
    if (index % 2 === 0) await open
    abort.abort()
    await open
  }
  await finish(stage.app, id)
})

test('a request is canceled once, by its user or the owner of the space, and by nobody else', async () => {
  using stage = await served()
  const { id, urls } = await bob.submit(stage.own)
  const carol = await hub.signUp()
  expect((await carol.call('POST', urls.cancel)).status).toBe(404)
  const answer = await bob.call('POST', urls.cancel)
  expect([answer.status, answer.json]).toMatchObject([200, { status: 'canceling' }])
  await stage.app.report(APP_EVENTS.inferenceResult, { request_id: id, status: 'canceled' })
  expect(await bob.view(id)).toMatchObject({ status: 'canceled', attempt_history: [{ attempt: 1, ending: 'canceled' }] })
  const again = await bob.call('POST', urls.cancel)
  expect([again.status, codeIn(again)]).toEqual([409, 'request_finished'])
  const { urls: second } = await bob.submit(stage.own)
  expect((await alice.call('POST', second.cancel)).status).toBe(200)
})

test('history comes in pages, newest first, mine unless I own the space', async () => {
  using stage = await served()
  const mine: string[] = []
  for (let index = 0; index < 5; index += 1) mine.unshift((await bob.submit(stage.own)).id)
  const hers = (await alice.submit(stage.own)).id
  const seen: string[] = []
  for (let cursor = ''; ;) {
    const { json } = await bob.call('GET', `${stage.own.path}/requests?limit=2${cursor}`)
    const { requests, next } = json as RequestPage
    seen.push(...requests.map(({ id }) => id))
    if (next === null) break
    cursor = `&cursor=${next}`
  }
  expect(seen).toEqual(mine)
  const { requests } = (await bob.call('GET', '/api/v1/requests')).json as RequestPage
  expect(requests.map(({ id }) => id).slice(0, 5)).toEqual(mine)
  expect((await bob.call('GET', `${stage.own.path}/requests?mine=false`)).status).toBe(403)
  const all = (await alice.call('GET', `${stage.own.path}/requests?mine=false`)).json as RequestPage
  expect(all.requests.map(({ id }) => id)).toEqual([hers, ...mine])
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'mine=perhaps']) {
    expect((await bob.call('GET', `${stage.own.path}/requests?${query}`)).status).toBe(422)
  }
})

test.each([
  ['queue_full', { max_queue: 1 }],
  ['too_fast', { min_interval_seconds: 600 }],
  ['quota_exceeded', { daily_quota: 2 }],
] as const)('%s is refused with when to come back, and nothing is stored', async (code, settings) => {
  using stage = await served(settings)
  let refused = await submit(bob, stage.own)
  let accepted = 0
  for (; refused.status === 202; accepted += 1) refused = await submit(bob, stage.own)
  expect([refused.status, codeIn(refused)]).toEqual([429, code])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  const { requests } = (await bob.call('GET', `${stage.own.path}/requests`)).json as RequestPage
  expect(requests).toHaveLength(accepted)
  // Others are not held to another's interval and quota.
  if (code !== 'queue_full') expect((await submit(alice, stage.own)).status).toBe(202)
})

test('a list stays small: no results, and only the beginning of a long prompt', async () => {
  const prompt = 'p'.repeat(LIMITS.listedPromptChars + 1)
  using stage = await served()
  const id = ((await submit(bob, stage.own, {}, prompt)).json as RequestView).id
  const { requests } = (await bob.call('GET', `${stage.own.path}/requests`)).json as RequestPage
  expect(requests).toMatchObject([{ id, result: null, input: { prompt: prompt.slice(1) } }])
  expect((await bob.call('GET', `/api/v1/requests/${id}`)).json).toMatchObject({ input: { prompt } })
})

test('without an app a submit is refused, in the language of the caller', async () => {
  const own = await alice.makeSpace()
  const answers = [await submit(alice, own), await submit(alice, own, { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.5' })]
  expect(answers.map(({ status, json }) => [status, json])).toEqual([
    [503, { error: { code: 'app_not_connected', message: 'Remote app not connected' } }],
    [503, { error: { code: 'app_not_connected', message: '远程应用未连接' } }],
  ])
})

test('prompts that are empty, too long or not text are refused, naming the field', async () => {
  using stage = await served()
  for (const input of [
    { prompt: '' },
    { prompt: ' \n\t' },
    { prompt: 'x'.repeat(LIMITS.promptChars + 1) },
    { prompt: 5 },
    {},
    { prompt: 'p', more: 1 },
  ]) {
    const answer = await alice.call('POST', `${stage.own.path}/requests`, { input })
    expect([answer.status, codeIn(answer)]).toEqual([422, 'invalid_input'])
    expect((answer.json as { error: { field: string } }).error.field).toMatch(/^input/)
  }
  const longest = await submit(alice, stage.own, {}, '字'.repeat(LIMITS.promptChars))
  expect(longest.status).toBe(202)
  expect((await stage.app.request()).payload.prompt).toHaveLength(LIMITS.promptChars)
})

test("another's request does not exist for me; its space's owner and admins see it", async () => {
  using stage = await served()
  const { id, urls } = await bob.submit(stage.own)
  const carol = await hub.signUp()
  const missing = await carol.call('GET', '/api/v1/requests/01a20350-2eb8-7623-a85a-bd781f62185b')
  const hidden = await carol.call('GET', urls.self)
  expect([hidden.status, hidden.json]).toEqual([missing.status, missing.json])
  expect(hidden.status).toBe(404)
  for (const person of [alice, hub.admin]) expect(await person.view(id)).toMatchObject({ id })
  expect((await hub.nobody.call('GET', urls.self)).status).toBe(401)
  await eventually(
    () => stage.app.all('inference_request'),
    (sent) => sent.length === 1,
  )
})

test('L6 whoever waits is told in how long the result will be there, once the space has a history', async () => {
  using stage = await served()
  const running = await bob.submit(stage.own)
  expect(await bob.submit(stage.own)).toMatchObject({ position: 1, eta: null })
  for (let done = 0; done < 3; done += 1) {
    const request = await stage.app.request(done + 1)
    await finish(stage.app, request.request_id)
    await bob.submit(stage.own)
  }
  const until = await eventually(
    () => bob.submit(stage.own),
    ({ eta }) => eta !== null,
  )
  expect(until.eta?.low_seconds).toBeLessThanOrEqual(until.eta?.high_seconds ?? -1)
  expect(await bob.view(running.id)).toMatchObject({ status: 'completed', eta: null })
})

test('H7 low is for anybody, high for the owner and admins; a key stands for the priority too', async () => {
  using stage = await served()
  const ask = (person: Person, priority: string, key?: string): ReturnType<Person['call']> =>
    person.call(
      'POST',
      `${stage.own.path}/requests`,
      { input: { prompt: 'p' }, priority },
      key === undefined ? {} : { 'idempotency-key': key },
    )
  const refused = await ask(bob, 'high')
  expect(refused.status).toBe(403)
  expect(codeIn(refused)).toBe('priority_refused')
  expect((await ask(bob, 'urgent')).status).toBe(422)
  expect((await ask(bob, 'low', 'once')).json).toMatchObject({ priority: 'low' })
  expect((await ask(bob, 'low', 'once')).status).toBe(202)
  expect(codeIn(await ask(bob, 'normal', 'once'))).toBe('key_reused')
  expect((await ask(alice, 'high')).json).toMatchObject({ priority: 'high' })
  expect((await ask(hub.admin, 'high')).json).toMatchObject({ priority: 'high' })
  expect((await submit(bob, stage.own)).json).toMatchObject({ priority: 'normal' })
})
