import { afterAll, beforeAll, expect, test } from 'vitest'
import { LIMITS } from '@websocket-spaces/protocol'
import { codeIn, type OwnSpace, type Person, startHub, type TestHub } from '../support/hub.ts'

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

test.each(['/', '/healthz', '/spaces/a/b', '/nothing', '/%zz'])('%s is answered with strict headers', async (path) => {
  const { headers } = await hub.nobody.call('GET', path, undefined, { accept: 'text/html' })
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'self'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(/script-src [^;]*/.exec(policy)?.[0]).not.toContain('unsafe')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('x-frame-options')).toBe('DENY')
  expect(headers.get('referrer-policy')).toBe('same-origin')
})

test.each(['/api/v1/info', '/api/v1/nothing', '/api/%zz', '/api/v1/requests/x'])(
  '%s is answered such that nothing in it can be run, framed or embedded elsewhere',
  async (path) => {
    const { headers } = await hub.nobody.call('GET', path, undefined, { accept: 'text/html' })
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
  },
)

test('writes from other sites are refused, whatever they carry', async () => {
  const from = async (headers: Record<string, string>): Promise<unknown> =>
    codeIn(await alice.call('PATCH', own.path, { emoji: 'x' }, headers))
  expect(await from({ origin: 'https://evil.example' })).toBe('cross_site')
  expect(await from({ origin: 'null' })).toBe('cross_site')
  expect(await from({ 'sec-fetch-site': 'cross-site' })).toBe('cross_site')
  expect(await from({ 'sec-fetch-site': 'same-site' })).toBe('cross_site')
  expect(await from({ origin: hub.url, 'sec-fetch-site': 'same-origin' })).toBeUndefined()
  expect(await from({})).toBeUndefined()
  for (const [method, path] of [
    ['POST', '/api/auth/sign-in/username'],
    ['DELETE', own.path],
    ['PUT', `${own.path}/cover`],
  ] as const) {
    const answer = await alice.call(method, path, {}, { origin: 'https://evil.example' })
    expect([answer.status, codeIn(answer)]).toEqual([403, 'cross_site'])
  }
  expect((await alice.call('GET', own.path)).status).toBe(200)
})

test.each([
  ['JSON that is none', '{"input":', 'application/json', 400, 'malformed_json'],
  ['nothing', '', 'application/json', 422, 'invalid_input'],
  ['a form', 'input=x', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
  ['plain text', '{}', 'text/plain', 415, 'unsupported_media_type'],
  ['a prototype', '{"__proto__":{"admin":true}}', 'application/json', 400, 'malformed_json'],
  ['a list', '[]', 'application/json', 422, 'invalid_input'],
  ['null', 'null', 'application/json', 422, 'invalid_input'],
  ['an image', 'x', 'image/png', 415, 'unsupported_media_type'],
])('a body that is %s is refused', async (_, body, type, status, code) => {
  const answer = await alice.call('POST', `${own.path}/requests`, body, { 'content-type': type })
  expect([answer.status, codeIn(answer)]).toEqual([status, code])
})

test('a body too large is refused with the limit', async () => {
  const answer = await alice.call('POST', `${own.path}/requests`, { input: { prompt: 'x'.repeat(LIMITS.httpBodyBytes) } })
  expect([answer.status, codeIn(answer)]).toEqual([413, 'payload_too_large'])
  expect(answer.text).toContain(String(LIMITS.httpBodyBytes))
})

test('unknown addresses of the API are not found, in the same form', async () => {
  for (const path of ['/api/v1/nothing', '/api/nothing', '/api/v2/spaces', '/api/auth/list-users']) {
    const answer = await alice.call('GET', path, undefined, { accept: 'text/html' })
    expect([answer.status, codeIn(answer)]).toEqual([404, 'not_found'])
  }
})

test('the root is the page whatever a client accepts; other addresses only for browsers', async () => {
  const [root, deep, browser] = await Promise.all([
    hub.nobody.call('GET', '/', undefined, { accept: '*/*' }),
    hub.nobody.call('GET', '/spaces', undefined, { accept: '*/*' }),
    hub.nobody.call('GET', '/spaces', undefined, { accept: 'text/html' }),
  ])
  expect([root.status, deep.status, browser.status]).toEqual([200, 404, 200])
  expect(root.text).toContain('<!doctype html>')
})

test('a stopping hub says that it is not ready', async () => {
  await using stopping = await startHub()
  expect((await stopping.nobody.call('GET', '/readyz')).status).toBe(200)
  const closed = stopping.hub.close()
  const answer = await stopping.nobody.call('GET', '/readyz').catch(() => null)
  expect([503, undefined]).toContain(answer?.status)
  await closed
})
