/** Whatever is sent to the HTTP API: no crash, no 500, and nothing of another user's. */
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { once } from 'node:events'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorBody, LIMITS } from '@websocket-spaces/protocol'
import { nastyJson, nastyText, nearly, SEED } from './garbage.ts'
import { type Answer, ask, type Question } from './http-client.ts'
import { setStage, type Stage } from './victim.ts'

let stage: Stage
const agent = new Agent({ keepAlive: true, maxSockets: 4 })

beforeAll(async () => {
  stage = await setStage()
})
afterAll(async () => {
  agent.destroy()
  await stage[Symbol.asyncDispose]()
})

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const
const ROUTES = [
  '/api/v1/info',
  '/api/v1/me',
  '/api/v1/spaces',
  '/api/v1/spaces/:owner/:name',
  '/api/v1/spaces/:owner/:name/cover',
  '/api/v1/spaces/:owner/:name/requests',
  '/api/v1/spaces/:owner/:name/tokens',
  '/api/v1/spaces/:owner/:name/tokens/:id',
  '/api/v1/requests',
  '/api/v1/requests/:id',
  '/api/v1/requests/:id/cancel',
  '/api/v1/requests/:id/events',
  '/api/v1/tokens',
  '/api/v1/tokens/:id',
  '/api/v1/keys',
  '/api/v1/keys/:id',
  '/api/v1/admin/overview',
  '/api/v1/admin/users',
  '/api/v1/admin/users/:id',
  '/api/v1/admin/settings',
  '/api/v1/admin/invites',
  '/api/v1/admin/invites/:id',
  '/api/v1/admin/connections',
  '/api/v1/admin/connections/:id',
  '/api/auth/sign-up/email',
  '/api/auth/sign-in/username',
  '/api/auth/change-password',
  '/api/auth/get-session',
  '/api/auth/:id',
  '/healthz',
  '/readyz',
  '/api/:id',
] as const
const TYPES = [
  'application/json',
  'text/plain',
  'image/png',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  '',
] as const

/** Bodies that are nearly right for some route, so that they come past the first check. */
const bodies = fc.oneof(
  nastyJson,
  nearly({ input: nearly({ prompt: nastyText }) }),
  nearly({
    name: nastyText,
    description: nastyText,
    category: fc.constant('text'),
    visibility: fc.constant('public'),
    tags: fc.array(nastyText),
    max_queue: fc.integer(),
  }),
  nearly({ username: nastyText, password: nastyText, invite: nastyText, currentPassword: nastyText, newPassword: nastyText }),
  nearly({ registration: fc.constant('closed'), role: fc.constant('admin'), banned: fc.boolean(), uses: fc.integer() }),
)

const question = fc.record({
  method: fc.constantFrom(...METHODS),
  route: fc.constantFrom(...ROUTES),
  // 0 = the victim's own ids, others = garbage.
  pick: fc.nat({ max: 9 }),
  garbage: nastyText,
  query: fc.option(
    fc.dictionary(fc.constantFrom('search', 'category', 'cursor', 'limit', 'mine', 'after', 'tag', 'owner', 'x'), nastyText),
    { nil: undefined },
  ),
  body: fc.option(
    fc.oneof({ weight: 4, arbitrary: bodies.map((value) => JSON.stringify(value) ?? 'undefined') }, { weight: 1, arbitrary: nastyText }),
    { nil: undefined },
  ),
  type: fc.oneof({ weight: 3, arbitrary: fc.constant('application/json') }, { weight: 1, arbitrary: fc.constantFrom(...TYPES) }),
  who: fc.constantFrom('stranger', 'stranger', 'stranger', 'nobody', 'wrong key'),
  prefer: fc.option(fc.constantFrom('wait=0', 'wait=-1', 'wait=abc', 'wait=1e9, x', 'wait'), { nil: undefined }),
  lastEventId: fc.option(fc.constantFrom('-1', '1e99', 'x', '99999999999999999999'), { nil: undefined }),
})

function authorization(who: string): Record<string, string> {
  if (who === 'nobody') return {}
  return { authorization: `Bearer ${who === 'stranger' ? stage.strangerKey : 'wsk_not-a-key'}` }
}

function toQuestion(made: typeof question extends fc.Arbitrary<infer T> ? T : never): Question {
  const [owner = '', name = ''] = (made.pick < 4 ? stage.vault : stage.strangerSpace).reference.split('/')
  const id = stage.overheard[made.pick]
  const path = made.route
    .replace(':owner', encode(made.pick > 7 ? made.garbage : owner))
    .replace(':name', encode(made.pick > 8 ? made.garbage : name))
    .replace(':id', encode(id ?? made.garbage))
  const query =
    made.query === undefined
      ? ''
      : `?${Object.entries(made.query)
          .map(([key, value]) => `${key}=${encode(value)}`)
          .join('&')}`
  return {
    method: made.method,
    path: path + query,
    headers: {
      ...authorization(made.who),
      ...(made.type === '' ? {} : { 'content-type': made.type }),
      ...(made.prefer === undefined ? {} : { prefer: made.prefer }),
      ...(made.lastEventId === undefined ? {} : { 'last-event-id': made.lastEventId }),
    },
    ...(made.body === undefined || made.method === 'GET' || made.method === 'HEAD' ? {} : { body: made.body.toWellFormed() }),
  }
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed().slice(0, 2_000))
}

function expectDecent(answer: Answer, { method, path }: Question): void {
  const context = `${method} ${path.slice(0, 300)} → ${answer.status} ${answer.text.slice(0, 300)}`
  expect([200, 201, 202, 204, 302, 304, 400, 401, 403, 404, 405, 409, 413, 414, 415, 422, 429, 431, 503], context).toContain(answer.status)
  expect(answer.text, context).not.toContain(stage.marker)
  if (answer.status >= 400 && path.startsWith('/api/') && method !== 'HEAD') {
    expect(errorBody.safeParse(JSON.parse(answer.text)).success, context).toBe(true)
  }
  expect(answer.text, context).not.toMatch(/\bat .+\.ts:\d+|SQLITE|node_modules/)
}

describe('HTTP', () => {
  test('garbage at every route is answered decently', { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(question, async (made) => {
        const asked = toQuestion(made)
        expectDecent(await ask(stage.hub.url, agent, asked), asked)
      }),
      { numRuns: 1_500, seed: SEED },
    )
  })

  test('every route, for what is the victim’s, denies it to a stranger and to nobody', async () => {
    for (const who of ['stranger', 'nobody']) {
      for (const route of ROUTES.filter((candidate) => candidate.startsWith('/api/v1/') && candidate.includes(':'))) {
        for (const id of stage.overheard) {
          const [owner = '', name = ''] = stage.vault.reference.split('/')
          const path = route.replace(':owner', owner).replace(':name', name).replace(':id', id)
          for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
            const asked = {
              method,
              path,
              headers: { ...authorization(who), 'content-type': 'application/json' },
              ...(method === 'GET' ? {} : { body: '{}' }),
            }
            const answer = await ask(stage.hub.url, agent, asked)
            expectDecent(answer, asked)
            expect([401, 403, 404, 405, 415, 422, 429], `${who} ${method} ${path}`).toContain(answer.status)
          }
        }
      }
    }
  })

  test('paths that try to climb out lead nowhere', async () => {
    const step = fc.constantFrom(
      '..',
      '%2e%2e',
      '.',
      '%2f',
      '..%2f',
      '%5c',
      '\\',
      '%00',
      '%c0%ae%c0%ae',
      '',
      'etc',
      'passwd',
      'data',
      'hub.sqlite',
      'package.json',
      '%',
      '%zz',
      '~',
      ';x=1',
      '%e4%bd%a0',
    )
    const climb = fc.tuple(
      fc.constantFrom('/', '/_app/', '/samples/', '/api/v1/', '/api/v1/spaces/', '/covers/', '//'),
      fc.array(step, { maxLength: 8 }),
    )
    await fc.assert(
      fc.asyncProperty(climb, async ([base, steps]) => {
        const asked = { method: 'GET', path: (base + steps.join('/')).replaceAll('\\', '%5C'), headers: authorization('stranger') }
        const answer = await ask(stage.hub.url, agent, asked)
        expect(answer.status, asked.path).toBeLessThan(500)
        expect(answer.text).not.toMatch(/root:.*:0:0:|"workspaces"|SQLite format/)
        expect(answer.text).not.toContain(stage.marker)
      }),
      { numRuns: 300, seed: SEED },
    )
  })

  test('oversize and malformed bodies get the reason and the limit', async () => {
    const headers = { ...authorization('stranger'), 'content-type': 'application/json' }
    const path = `/api/v1/spaces/${stage.strangerSpace.reference}/requests`
    const huge = await ask(stage.hub.url, agent, {
      method: 'POST',
      path,
      headers,
      body: JSON.stringify({ input: { prompt: 'x'.repeat(LIMITS.httpBodyBytes) } }),
    })
    expect(errorBody.parse(JSON.parse(huge.text)).error).toMatchObject({
      code: 'payload_too_large',
      message: expect.stringContaining(String(LIMITS.httpBodyBytes)) as string,
    })
    const broken = await ask(stage.hub.url, agent, { method: 'POST', path, headers, body: '{"input":' })
    expect(errorBody.parse(JSON.parse(broken.text)).error.code).toBe('malformed_json')
    const long = await ask(stage.hub.url, agent, {
      method: 'POST',
      path,
      headers,
      body: JSON.stringify({ input: { prompt: 'x'.repeat(LIMITS.promptChars + 1) } }),
    })
    expect(errorBody.parse(JSON.parse(long.text)).error).toMatchObject({ code: 'invalid_input', field: 'input.prompt' })
    const empty = await ask(stage.hub.url, agent, { method: 'POST', path, headers, body: '{"input":{"prompt":" \\n "}}' })
    expect(errorBody.parse(JSON.parse(empty.text)).error).toMatchObject({ code: 'invalid_input', field: 'input.prompt' })
  })

  test('bytes that are no HTTP do not disturb it', async () => {
    const { hostname, port } = new URL(stage.hub.url)
    const start = fc.constantFrom(
      '',
      'GET / HTTP/1.1\r\n',
      'POST /api/v1/spaces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n',
    )
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ maxLength: 400 }), async (head, bytes) => {
        const socket = connect(Number(port), hostname)
        socket.on('error', () => undefined)
        const closed = once(socket, 'close')
        socket.resume()
        socket.end(Buffer.concat([Buffer.from(head), bytes, Buffer.from('\r\n\r\n')]))
        const timer = setTimeout(() => socket.destroy(), 500)
        await closed
        clearTimeout(timer)
      }),
      { numRuns: 60, seed: SEED },
    )
  })

  test('after all of it the hub works and nothing of the victim’s has changed', async () => {
    await stage.expectUntouched()
  })
})
