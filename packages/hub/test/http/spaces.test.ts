import { afterAll, beforeAll, expect, test } from 'vitest'
import { LIMITS, type Space, type SpacePage } from '@websocket-spaces/protocol'
import { codeIn, type Person, startHub, type TestHub, unique } from '../support/hub.ts'

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

const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3])

test.each([
  ['GET', '/api/v1/spaces'],
  ['POST', '/api/v1/spaces'],
  ['GET', '/api/v1/spaces/a/b'],
  ['PATCH', '/api/v1/spaces/a/b'],
  ['DELETE', '/api/v1/spaces/a/b'],
  ['GET', '/api/v1/spaces/a/b/cover'],
  ['GET', '/api/v1/spaces/a/b/tokens'],
  ['GET', '/api/v1/spaces/a/b/requests'],
  ['POST', '/api/v1/spaces/a/b/requests'],
  ['GET', '/api/v1/requests'],
  ['GET', '/api/v1/requests/x/events'],
  ['POST', '/api/v1/requests/x/cancel'],
  ['GET', '/api/v1/admin/overview'],
  ['GET', '/api/v1/admin/connections'],
  ['GET', '/%61pi/v1/admin/connections'],
  ['GET', '/api//v1/spaces'],
])('%s %s tells nothing to who is not signed in', async (method, path) => {
  const answer = await hub.nobody.call(method, path, method === 'POST' || method === 'PATCH' ? {} : undefined)
  expect([401, 404]).toContain(answer.status)
  expect(['not_signed_in', 'not_found']).toContain(codeIn(answer))
})

test('admin pages are for admins', async () => {
  for (const path of ['overview', 'connections', 'users', 'settings', 'invites']) {
    expect((await alice.call('GET', `/api/v1/admin/${path}`)).status).toBe(403)
    expect((await hub.admin.call('GET', `/api/v1/admin/${path}`)).status).toBe(200)
  }
})

test('others may look at a public or unlisted space, not change it; a private one is not there', async () => {
  for (const visibility of ['public', 'unlisted', 'private'] as const) {
    const { path, space } = await alice.makeSpace({ visibility })
    const looked = visibility === 'private' ? 404 : 200
    const changed = visibility === 'private' ? 404 : 403
    expect((await bob.call('GET', path)).status).toBe(looked)
    expect((await bob.call('PATCH', path, { emoji: 'x' })).status).toBe(changed)
    expect((await bob.call('DELETE', path)).status).toBe(changed)
    expect((await bob.call('GET', `${path}/tokens`)).status).toBe(changed)
    expect((await bob.call('PUT', `${path}/cover`, PNG, { 'content-type': 'image/png' })).status).toBe(changed)
    expect((await bob.call('GET', `${path}/requests`)).status).toBe(looked)
    const listed = ((await bob.call('GET', `/api/v1/spaces?owner=${alice.name}&limit=100`)).json as SpacePage).spaces
    expect(listed.some(({ id }) => id === space.id)).toBe(visibility === 'public')
    expect((await hub.admin.call('PATCH', path, { emoji: '🦊' })).json).toMatchObject({ emoji: '🦊', can_edit: true })
    expect((await alice.call('GET', path)).json).toMatchObject({ id: space.id, emoji: '🦊' })
  }
})

test('a name is taken once per owner, at creation and at renaming', async () => {
  const { path, space } = await alice.makeSpace()
  const again = await alice.call('POST', '/api/v1/spaces', { name: space.name })
  expect([again.status, codeIn(again)]).toEqual([409, 'space_name_taken'])
  const other = await alice.makeSpace()
  expect(codeIn(await alice.call('PATCH', other.path, { name: space.name }))).toBe('space_name_taken')
  expect((await bob.call('POST', '/api/v1/spaces', { name: space.name })).status).toBe(201)
  const renamed = unique('新名')
  expect((await alice.call('PATCH', path, { name: renamed })).status).toBe(200)
  expect((await alice.call('GET', path)).status).toBe(404)
  expect((await alice.call('GET', `/api/v1/spaces/${alice.name}/${encodeURIComponent(renamed)}`)).json).toMatchObject({ id: space.id })
})

test.each([
  ['name', { name: 'a b' }],
  ['name', { name: 'a/b' }],
  ['name', { name: '' }],
  ['name', {}],
  ['name', { name: 'x'.repeat(LIMITS.spaceNameChars + 1) }],
  ['visibility', { name: 'x', visibility: 'secret' }],
  ['max_queue', { name: 'x', max_queue: 0 }],
  ['deadline_seconds', { name: 'x', deadline_seconds: 0.5 }],
  ['max_attempts', { name: 'x', max_attempts: 0 }],
  ['max_attempts', { name: 'x', max_attempts: 21 }],
  ['hold_seconds', { name: 'x', hold_seconds: -1 }],
  ['hold_seconds', { name: 'x', hold_seconds: 604_801 }],
  ['open_registration', { name: 'x', open_registration: true }],
])('a space with a wrong %s is refused, naming it', async (field, body) => {
  const answer = await alice.call('POST', '/api/v1/spaces', body)
  expect([answer.status, answer.json]).toMatchObject([422, { error: { code: 'invalid_input', field } }])
})

test('a cover is what its bytes say, at most so large, and can be taken away', async () => {
  const { path } = await alice.makeSpace()
  const put = (body: Uint8Array | string, type: string): ReturnType<Person['call']> =>
    alice.call('PUT', `${path}/cover`, body, { 'content-type': type })
  expect((await alice.call('GET', `${path}/cover`)).status).toBe(404)
  for (const [body, type] of [
    ['<svg/>', 'image/svg+xml'],
    ['<svg/>', 'image/png'],
    ['{}', 'application/json'],
    ['', 'image/png'],
  ] as const) {
    const answer = await put(body, type)
    expect([answer.status, codeIn(answer)]).toEqual([415, 'unsupported_media_type'])
  }
  const large = await put(new Uint8Array(LIMITS.coverBytes + 1), 'image/png')
  expect([large.status, codeIn(large)]).toEqual([413, 'payload_too_large'])
  expect(large.text).toContain(String(LIMITS.coverBytes))
  expect((await put(PNG, 'image/webp')).status).toBe(204)
  const { cover_url } = (await bob.call('GET', path)).json as Space
  const shown = await bob.call('GET', cover_url ?? '')
  expect([shown.status, shown.headers.get('content-type'), shown.headers.get('x-content-type-options')]).toEqual([
    200,
    'image/png',
    'nosniff',
  ])
  expect((await alice.call('DELETE', `${path}/cover`)).status).toBe(204)
  expect((await alice.call('GET', path)).json).toMatchObject({ cover_url: null })
})
