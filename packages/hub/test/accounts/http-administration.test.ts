import { describe, expect, test } from 'vitest'
import { type CreatedSecret, createdInvite, createdSecret, hubInfo, inviteList, me, secretList } from '@websocket-spaces/protocol'
import { connectApp, connectLive } from './sockets.ts'
import { adminOf, ALICE, alice, error, startHub } from './http-harness.ts'

describe('keys and tokens', () => {
  test.each(['/api/v1/keys', '/api/v1/tokens'])('%s: made, listed, revoked', async (path) => {
    await using hub = await startHub()
    const browser = await alice(hub)
    const made = await browser('POST', path, { name: '  my box  ' })
    expect(made.status).toBe(201)
    expect(made.headers.get('cache-control')).toBe('no-store')
    const { token, ...view }: CreatedSecret = createdSecret.parse(made.json)
    expect(view.name).toBe('my box')
    const listed = await browser('GET', path)
    expect(secretList.parse(listed.json).items).toEqual([view])
    expect(listed.text).not.toContain(token)
    expect(await browser('POST', path, { name: '' })).toMatchObject({ status: 422, json: { error: { field: 'name' } } })
    expect(await browser('POST', path, { name: 'x', kind: 'y' })).toMatchObject({ status: 422, json: { error: { field: 'kind' } } })
    expect((await (await adminOf(hub))('DELETE', `${path}/${view.id}`)).status).toBe(404)
    expect((await browser('DELETE', `${path}/${view.id}`)).status).toBe(204)
    expect((await browser('DELETE', `${path}/${view.id}`)).status).toBe(404)
    expect((await hub.client()('GET', path)).status).toBe(401)
  })

  test('a key does what its user does, but makes no keys and changes no password', async () => {
    await using hub = await startHub()
    const browser = await alice(hub)
    const { token } = createdSecret.parse((await browser('POST', '/api/v1/keys', { name: 'k' })).json)
    const program = hub.client({ authorization: `Bearer ${token}` })
    expect((await program('GET', '/api/v1/me')).json).toMatchObject({ username: 'Alice' })
    expect((await program('GET', '/api/v1/keys')).status).toBe(200)
    expect((await program('POST', '/api/v1/tokens', { name: 't' })).status).toBe(201)
    expect(await program('POST', '/api/v1/keys', { name: 'another' })).toMatchObject({ status: 403, json: error('forbidden') })
    const change = { currentPassword: ALICE.password, newPassword: 'a new password' }
    expect((await program('POST', '/api/auth/change-password', change)).status).toBe(401)
    expect((await program('GET', '/api/v1/admin/users')).status).toBe(403)
  })
})

describe('administration', () => {
  const doors = [
    ['GET', '/api/v1/admin/users'],
    ['PATCH', '/api/v1/admin/users/x'],
    ['GET', '/api/v1/admin/settings'],
    ['PUT', '/api/v1/admin/settings'],
    ['GET', '/api/v1/admin/invites'],
    ['POST', '/api/v1/admin/invites'],
    ['DELETE', '/api/v1/admin/invites/x'],
  ] as const

  test('is for admins only, before anything is read of the request', async () => {
    await using hub = await startHub()
    const user = await alice(hub)
    for (const [method, path] of doors) {
      const body = method === 'GET' ? undefined : { nonsense: true }
      expect([path, (await hub.client()(method, path, body)).status]).toEqual([path, 401])
      expect([path, (await user(method, path, body)).status]).toEqual([path, 403])
    }
    for (const sneaky of [
      '/%61pi/v1/admin/users',
      '/api/%761/admin/users',
      '/api/v1/admin/%75sers',
      '//api/v1/admin/users',
      '/API/v1/admin/users',
    ]) {
      expect([401, 404]).toContain((await hub.client({ accept: 'application/json' })('GET', sneaky)).status)
    }
  })

  test('bans at once: session and key are worth nothing any more', async () => {
    await using hub = await startHub()
    const [admin, user] = [await adminOf(hub), await alice(hub)]
    const { token } = createdSecret.parse((await user('POST', '/api/v1/keys', { name: 'k' })).json)
    const program = hub.client({ authorization: `Bearer ${token}` })
    const { id } = me.parse((await user('GET', '/api/v1/me')).json)
    expect((await program('GET', '/api/v1/me')).status).toBe(200)
    const banned = await admin('PATCH', `/api/v1/admin/users/${id}`, { banned: true })
    expect(banned).toMatchObject({ status: 200, json: { username: 'Alice', banned: true } })
    expect((await user('GET', '/api/v1/me')).status).toBe(401)
    expect((await program('GET', '/api/v1/me')).status).toBe(401)
  })

  test('closes the live sockets of whoever is banned, and lets them in no more', async () => {
    await using hub = await startHub()
    const [admin, user] = [await adminOf(hub), await alice(hub)]
    const { token } = createdSecret.parse((await user('POST', '/api/v1/keys', { name: 'k' })).json)
    const { id } = me.parse((await user('GET', '/api/v1/me')).json)
    using live = await connectLive(hub.url, token)
    await admin('PATCH', `/api/v1/admin/users/${id}`, { banned: true })
    expect(await live.closed).toBe('transport close')
    await expect(connectLive(hub.url, token)).rejects.toThrow('Please sign in first')
  })

  test('cannot lose its last admin, nor be given nonsense', async () => {
    await using hub = await startHub()
    const admin = await adminOf(hub)
    const { id } = me.parse((await admin('GET', '/api/v1/me')).json)
    expect(await admin('PATCH', `/api/v1/admin/users/${id}`, { role: 'user' })).toMatchObject({ status: 409, json: error('last_admin') })
    expect(await admin('PATCH', `/api/v1/admin/users/${id}`, { role: 'owner' })).toMatchObject({
      status: 422,
      json: { error: { field: 'role' } },
    })
    expect(await admin('PATCH', `/api/v1/admin/users/${id}`, { username: 'x' })).toMatchObject({
      status: 422,
      json: { error: { field: 'username' } },
    })
    expect((await admin('PATCH', '/api/v1/admin/users/unknown', { role: 'user' })).status).toBe(404)
    expect((await admin('PUT', '/api/v1/admin/settings', { registration: 'maybe' })).status).toBe(422)
    expect((await admin('GET', '/api/v1/me')).status).toBe(200)
  })

  test('invites people', async () => {
    await using hub = await startHub()
    const admin = await adminOf(hub)
    expect((await admin('PUT', '/api/v1/admin/settings', { registration: 'invite' })).json).toEqual({ registration: 'invite' })
    expect(hubInfo.parse((await hub.client()('GET', '/api/v1/info')).json)).toMatchObject({
      name: 'WebSocket Spaces',
      registration: 'invite',
    })
    const { code, ...view } = createdInvite.parse((await admin('POST', '/api/v1/admin/invites', { note: 'Bob' })).json)
    expect(inviteList.parse((await admin('GET', '/api/v1/admin/invites')).json).items).toEqual([view])
    expect((await hub.client()('POST', '/api/auth/sign-up/email', { ...ALICE, invite: code })).status).toBe(200)
    expect((await admin('DELETE', `/api/v1/admin/invites/${view.id}`)).status).toBe(204)
    expect((await admin('DELETE', `/api/v1/admin/invites/${view.id}`)).status).toBe(404)
  })
})

describe('connect tokens of a space', () => {
  test('are for its owner and admins', async () => {
    await using hub = await startHub()
    const [owner, admin, other] = [await alice(hub), await adminOf(hub), hub.client()]
    await other('POST', '/api/auth/sign-up/email', { ...ALICE, username: 'Bob' })
    expect((await owner('POST', '/api/v1/spaces', { name: 'ocr', visibility: 'private' })).status).toBe(201)
    const path = '/api/v1/spaces/Alice/ocr/tokens'
    const one = createdSecret.parse((await owner('POST', path, { name: 'gpu box' })).json)
    expect(one.space).toBe('Alice/ocr')
    const two = createdSecret.parse((await admin('POST', path, { name: 'by the admin' })).json)
    const names = secretList.parse((await owner('GET', path)).json).items.map((item) => item.name)
    expect(names).toEqual(['by the admin', 'gpu box'])
    expect(secretList.parse((await owner('GET', '/api/v1/tokens')).json).items).toHaveLength(2)
    expect(secretList.parse((await admin('GET', '/api/v1/tokens')).json).items).toEqual([])
    for (const [method, where] of [
      ['GET', path],
      ['POST', path],
      ['DELETE', `${path}/${one.id}`],
    ] as const) {
      const body = method === 'POST' ? { name: 'x' } : undefined
      expect(await other(method, where, body)).toMatchObject({ status: 404, json: error('space_not_found') })
      expect((await hub.client()(method, where, body)).status).toBe(401)
    }
    expect((await admin('DELETE', `${path}/${two.id}`)).status).toBe(204)
    expect((await owner('DELETE', `/api/v1/tokens/${one.id}`)).status).toBe(204)
    expect(secretList.parse((await owner('GET', path)).json).items).toEqual([])
  })

  test('go with the space, and connections with the token', async () => {
    await using hub = await startHub()
    const owner = await alice(hub)
    await owner('POST', '/api/v1/spaces', { name: 'ocr' })
    const path = '/api/v1/spaces/Alice/ocr/tokens'
    const kept = createdSecret.parse((await owner('POST', '/api/v1/tokens', { name: 'all' })).json)
    const revoked = createdSecret.parse((await owner('POST', path, { name: 'one' })).json)
    using app = await connectApp(hub.url, revoked.token)
    expect(await app.register('Alice/ocr')).toMatchObject({ success: true })
    expect((await owner('DELETE', `${path}/${revoked.id}`)).status).toBe(204)
    expect(await app.goodbye).toMatchObject({ code: 'token_revoked' })
    using again = await connectApp(hub.url, revoked.token)
    expect(await again.register('Alice/ocr')).toMatchObject({ success: false, code: 'token_invalid' })
    await owner('POST', path, { name: 'goes with the space' })
    expect((await owner('DELETE', '/api/v1/spaces/Alice/ocr')).status).toBe(204)
    const left = secretList.parse((await owner('GET', '/api/v1/tokens')).json).items
    expect(left.map((item) => item.id)).toEqual([kept.id])
  })

  test('of a banned owner are worth nothing, and their apps are dropped', async () => {
    await using hub = await startHub()
    const [owner, admin] = [await alice(hub), await adminOf(hub)]
    await owner('POST', '/api/v1/spaces', { name: 'ocr' })
    const { token } = createdSecret.parse((await owner('POST', '/api/v1/tokens', { name: 'all' })).json)
    using app = await connectApp(hub.url, token)
    expect(await app.register('ocr')).toMatchObject({ success: true })
    const { id } = me.parse((await owner('GET', '/api/v1/me')).json)
    await admin('PATCH', `/api/v1/admin/users/${id}`, { banned: true })
    expect(await app.goodbye).toMatchObject({ code: 'token_revoked' })
    using again = await connectApp(hub.url, token)
    expect(await again.register('Alice/ocr')).toMatchObject({ success: false, code: 'token_invalid' })
  })
})
