import { describe, expect, test } from 'vitest'
import { me, userPage } from '@websocket-spaces/protocol'
import { openDatabase } from '../../src/store/open.ts'
import { ADMIN, adminOf, ALICE, alice, error, startHub, type TestHub } from './http-harness.ts'

describe('a browser', () => {
  test('registers, is known, signs out and is not', async () => {
    await using hub = await startHub()
    const browser = hub.client()
    expect(await browser('GET', '/api/auth/get-session')).toMatchObject({ status: 200, json: null })
    expect(await browser('GET', '/api/v1/me')).toMatchObject({ status: 401, json: error('not_signed_in') })
    const registered = await browser('POST', '/api/auth/sign-up/email', ALICE)
    expect(registered.json).toEqual({
      user: { id: expect.any(String) as string, username: 'Alice', role: 'user', initial_password: false },
    })
    expect(me.parse((await browser('GET', '/api/v1/me')).json).username).toBe('Alice')
    expect(await browser('GET', '/api/auth/get-session')).toMatchObject({ json: { user: { username: 'Alice' } } })
    expect((await browser('POST', '/api/auth/sign-out', {})).status).toBe(200)
    expect((await browser('GET', '/api/v1/me')).status).toBe(401)
    expect((await browser('POST', '/api/auth/sign-out', {})).status).toBe(200)
  })

  test('gets an HttpOnly SameSite cookie and never sees what is in it', async () => {
    await using hub = await startHub()
    const answer = await hub.client()('POST', '/api/auth/sign-in/username', ADMIN)
    const [cookie = ''] = answer.headers.getSetCookie()
    expect(cookie).toMatch(/; HttpOnly; SameSite=Lax$/)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const token = decodeURIComponent(cookie.split(/[=.;]/)[2] ?? '')
    expect(token.length).toBeGreaterThan(20)
    expect(answer.text).not.toContain(token)
  })

  test('gets a Secure cookie from a hub that people reach by https', async () => {
    await using hub = await startHub({ publicUrl: 'https://hub.example' })
    const answer = await hub.client()('POST', '/api/auth/sign-in/username', ADMIN)
    expect(answer.headers.getSetCookie()[0]).toMatch(/; HttpOnly; Secure; SameSite=Lax$/)
  })

  test('changes its password and stays signed in, the others do not', async () => {
    await using hub = await startHub()
    const [here, there] = [await adminOf(hub), await adminOf(hub)]
    const wrong = { currentPassword: 'not this one', newPassword: 'a new password' }
    expect(await here('POST', '/api/auth/change-password', wrong)).toMatchObject({ status: 422, json: error('wrong_password') })
    const short = { currentPassword: ADMIN.password, newPassword: 'short' }
    expect(await here('POST', '/api/auth/change-password', short)).toMatchObject({ status: 422, json: { error: { field: 'newPassword' } } })
    expect((await here('POST', '/api/auth/change-password', { ...wrong, currentPassword: ADMIN.password })).status).toBe(200)
    expect((await here('GET', '/api/v1/me')).status).toBe(200)
    expect((await there('GET', '/api/v1/me')).status).toBe(401)
    expect(await there('POST', '/api/auth/change-password', wrong)).toMatchObject({ status: 401, json: error('not_signed_in') })
  })

  test('is told by me while the generated password is in use', async () => {
    await using hub = await startHub({ adminPassword: undefined })
    const password = hub.firstAdminPassword
    const browser = hub.client()
    await browser('POST', '/api/auth/sign-in/username', { username: 'admin', password })
    expect((await browser('GET', '/api/v1/me')).json).toMatchObject({ initial_password: true })
    await browser('POST', '/api/auth/change-password', { currentPassword: password, newPassword: 'a new password' })
    expect((await browser('GET', '/api/v1/me')).json).toMatchObject({ initial_password: false })
  })
})

describe('what goes wrong', () => {
  test('is said in the language of the caller', async () => {
    await using hub = await startHub()
    const attempt = { username: 'admin', password: 'a wrong password' }
    const english = await hub.client()('POST', '/api/auth/sign-in/username', attempt)
    expect(english).toMatchObject({ status: 401, json: error('invalid_credentials', 'Wrong username or password') })
    const chinese = await hub.client({ 'accept-language': 'zh-CN,en;q=0.5' })('POST', '/api/auth/sign-in/username', attempt)
    expect(chinese).toMatchObject({ status: 401, json: error('invalid_credentials', '用户名或密码错误') })
  })

  test('in an input is said in that language too', async () => {
    await using hub = await startHub()
    const say = async (language: string, body: object): Promise<unknown> => {
      const { json } = await hub.client({ 'accept-language': language })('POST', '/api/auth/sign-up/email', { ...ALICE, ...body })
      return json
    }
    const short = { code: 'invalid_input', field: 'username' }
    expect(await say('en', { username: 'a' })).toEqual({ error: { ...short, message: 'username: needs at least 3 characters' } })
    expect(await say('zh', { username: 'a' })).toEqual({ error: { ...short, message: 'username：至少需要 3 个字符' } })
    const rule = '只能使用字母、数字、“.”、“_”或“-”，并以字母或数字开头'
    expect(await say('zh-CN', { username: 'a b c' })).toEqual({ error: { ...short, message: `username：${rule}` } })
    expect(await say('zh', { username: 7 })).toEqual({ error: { ...short, message: 'username：缺失，或类型不是 string' } })
  })

  test('does not tell an unknown username from a wrong password', async () => {
    await using hub = await startHub()
    const [known, unknown] = await Promise.all(
      ['admin', 'nobody'].map((username) => hub.client()('POST', '/api/auth/sign-in/username', { username, password: 'a wrong password' })),
    )
    const shape = (answer: typeof known): unknown => [answer?.status, answer?.text, [...(answer?.headers.keys() ?? [])]]
    expect(shape(known)).toEqual(shape(unknown))
  })

  test('names the field of a bad input', async () => {
    await using hub = await startHub()
    const register = hub.client()
    for (const [body, field] of [
      [{ ...ALICE, username: 'a' }, 'username'],
      [{ ...ALICE, username: 'no spaces' }, 'username'],
      [{ ...ALICE, username: 'a/b/c' }, 'username'],
      [{ ...ALICE, username: ['x'] }, 'username'],
      [{ ...ALICE, password: '1234567' }, 'password'],
      [{ ...ALICE, password: 'x'.repeat(129) }, 'password'],
      [{ username: 'Alice' }, 'password'],
      ['"text"', 'body'],
      ['null', 'body'],
    ] as const) {
      expect(await register('POST', '/api/auth/sign-up/email', body)).toMatchObject({
        status: 422,
        json: { error: { code: 'invalid_input', field } },
      })
    }
    expect(await register('POST', '/api/auth/sign-up/email', '{')).toMatchObject({ status: 400, json: error('malformed_json') })
    expect((await register('POST', '/api/auth/sign-in/username')).status).toBe(422)
  })

  test('has its code: taken, closed, uninvited, banned', async () => {
    await using hub = await startHub()
    const admin = await adminOf(hub)
    await alice(hub)
    expect(await hub.client()('POST', '/api/auth/sign-up/email', { ...ALICE, username: 'ALICE' })).toMatchObject({
      status: 409,
      json: error('username_taken'),
    })
    await admin('PUT', '/api/v1/admin/settings', { registration: 'invite' })
    expect(await hub.client()('POST', '/api/auth/sign-up/email', { ...ALICE, username: 'Bob' })).toMatchObject({
      status: 403,
      json: error('invite_required'),
    })
    await admin('PUT', '/api/v1/admin/settings', { registration: 'closed' })
    expect(await hub.client()('POST', '/api/auth/sign-up/email', ALICE)).toMatchObject({ status: 403, json: error('registration_closed') })
    const { users } = userPage.parse((await admin('GET', '/api/v1/admin/users?search=alice')).json)
    await admin('PATCH', `/api/v1/admin/users/${users[0]?.id ?? ''}`, { banned: true })
    expect(await hub.client()('POST', '/api/auth/sign-in/username', ALICE)).toMatchObject({ status: 403, json: error('banned') })
  })
})

async function guess(hub: TestHub, times: number, headers: (index: number) => Record<string, string>): Promise<number[]> {
  const statuses: number[] = []
  for (let index = 0; index < times; index += 1) {
    const attempt = { username: `somebody-${index}`, password: 'a wrong password' }
    statuses.push((await hub.client(headers(index))('POST', '/api/auth/sign-in/username', attempt)).status)
  }
  return statuses
}

describe('guessing over HTTP', () => {
  test('ends in 429 with Retry-After, whatever address the client claims', async () => {
    await using hub = await startHub()
    const statuses = await guess(hub, 11, (index) => {
      const claimed = `203.0.113.${index}`
      return {
        'x-forwarded-for': claimed,
        'x-real-ip': claimed,
        'x-hub-address': claimed,
        forwarded: `for=${claimed}`,
        'cf-connecting-ip': claimed,
      }
    })
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429])
    const blocked = await hub.client()('POST', '/api/auth/sign-in/username', ADMIN)
    expect(blocked).toMatchObject({ status: 429, json: error('rate_limited') })
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  test("counts by the client's own address behind the operator's proxy", async () => {
    await using hub = await startHub({ trustProxy: true })
    expect(await guess(hub, 11, (index) => ({ 'x-forwarded-for': `203.0.113.${index}` }))).toEqual(Array<number>(11).fill(401))
    expect((await guess(hub, 11, () => ({ 'x-forwarded-for': '198.51.100.7' }))).at(-1)).toBe(429)
  })

  test("believes the operator's proxy only in what the proxy itself added", async () => {
    await using hub = await startHub({ trustProxy: true })
    const statuses = await guess(hub, 11, (index) => ({ 'x-forwarded-for': `203.0.113.${index}, 198.51.100.7` }))
    expect(statuses.at(-1)).toBe(429)
  })

  test('leaves the address the hub saw in the session, not one the client wrote', async () => {
    await using hub = await startHub()
    await hub.client({ 'x-hub-address': '203.0.113.9', 'x-forwarded-for': '203.0.113.9' })('POST', '/api/auth/sign-in/username', ADMIN)
    await hub.close()
    await using stored = await openDatabase({ dataDir: hub.dataDir })
    expect(await stored.db.selectFrom('session').select('ipAddress').execute()).toEqual([{ ipAddress: '127.0.0.1' }])
  })
})

describe('other sites', () => {
  const signIn = '/api/auth/sign-in/username'

  test('cannot sign anybody in or out, or change anything', async () => {
    await using hub = await startHub()
    const browser = await adminOf(hub)
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      expect(await browser('POST', signIn, ADMIN, headers)).toMatchObject({ status: 403, json: error('cross_site') })
      expect((await browser('POST', '/api/auth/sign-out', {}, headers)).status).toBe(403)
      expect((await browser('POST', '/api/v1/keys', { name: 'k' }, headers)).status).toBe(403)
    }
    expect((await browser('GET', '/api/v1/me')).status).toBe(200)
  })

  test('are not the hub itself under any address it is opened by', async () => {
    await using hub = await startHub({ publicUrl: 'https://hub.example' })
    const { port } = new URL(hub.url)
    expect((await hub.client()('POST', signIn, ADMIN, { origin: `http://127.0.0.1:${port}` })).status).toBe(200)
    expect((await hub.client()('POST', signIn, ADMIN, { origin: 'https://hub.example' })).status).toBe(200)
    expect((await hub.client()('POST', signIn, ADMIN, { origin: `http://127.0.0.1:${Number(port) + 1}` })).status).toBe(403)
  })
})

describe('better-auth', () => {
  test('has no endpoint but the documented ones', async () => {
    await using hub = await startHub()
    const admin = await adminOf(hub)
    const hidden =
      'admin/list-users admin/set-role admin/create-user admin/ban-user admin/set-user-password admin/remove-user admin/impersonate-user admin/stop-impersonating sign-in/email sign-in/social is-username-available update-user update-session list-sessions revoke-session revoke-sessions revoke-other-sessions delete-user change-email set-password request-password-reset reset-password verify-email send-verification-email verify-password list-accounts unlink-account get-access-token refresh-token account-info callback/github ok error'
    for (const path of [...hidden.split(' '), 'Sign-In/username', 'sign-in/username/', 'sign-in//username', '../auth/list-sessions', '']) {
      for (const method of ['GET', 'POST']) {
        const answer = await admin(method, `/api/auth/${path}`, method === 'GET' ? undefined : {})
        expect([path, answer.status, answer.json]).toEqual([path, 404, error('not_found')])
      }
    }
    expect((await admin('GET', '/api/auth/sign-out')).status).toBe(404)
    expect((await admin('POST', '/api/auth/get-session', {})).status).toBe(404)
  })

  test('does not let anybody make themselves an admin while registering', async () => {
    await using hub = await startHub()
    const browser = hub.client()
    const ambitious = {
      ...ALICE,
      role: 'admin',
      banned: false,
      id: 'chosen',
      emailVerified: true,
      email: 'x@example.com',
      displayUsername: 'admin',
    }
    await browser('POST', '/api/auth/sign-up/email', ambitious)
    expect((await browser('GET', '/api/v1/me')).json).toMatchObject({ username: 'Alice', role: 'user' })
    expect((await browser('GET', '/api/v1/admin/users')).status).toBe(403)
  })
})
