import { describe, expect, test } from 'vitest'
import { userId } from '@websocket-spaces/protocol'
import { from, openAccounts, refusal, register, signInAdmin } from './harness.ts'

describe('listing users', () => {
  test('goes by name, page after page', async () => {
    await using hub = await openAccounts()
    for (const name of ['delta', 'Bravo', 'charlie', 'Echo']) await register(hub, name)
    const first = await hub.accounts.users.list({ limit: 3 })
    expect(first.users.map((user) => user.username)).toEqual(['admin', 'Bravo', 'charlie'])
    const second = await hub.accounts.users.list({ limit: 3, cursor: first.next ?? '' })
    expect(second.users.map((user) => user.username)).toEqual(['delta', 'Echo'])
    expect(second.next).toBeNull()
    expect(first.users[0]).toMatchObject({ role: 'admin', banned: false, spaces: 0, requests: 0 })
  })

  test('finds part of a name in any case, and takes %, _ and \\ as they are', async () => {
    await using hub = await openAccounts()
    for (const name of ['under_score', 'underXscore', 'Other']) await register(hub, name)
    const search = async (text: string): Promise<string[]> =>
      (await hub.accounts.users.list({ limit: 9, search: text })).users.map((u) => u.username)
    expect(await search('R_S')).toEqual(['under_score'])
    expect(await search('OTH')).toEqual(['Other'])
    expect(await search('%')).toEqual([])
    expect(await search('\\')).toEqual([])
    expect(await search("' or 1=1 --")).toEqual([])
  })
})

describe('a ban', () => {
  test('takes effect at once: on sessions, keys and signing in, cached or not', async () => {
    await using hub = await openAccounts()
    const { identity, cookie } = await register(hub, 'Mallory')
    const { token } = await hub.accounts.apiKeys.create(identity, 'k')
    const authorization = `Bearer ${token}`
    expect(await hub.accounts.authenticate({ cookie })).not.toBeNull()
    expect(await hub.accounts.authenticate({ authorization })).not.toBeNull()
    expect(await hub.accounts.users.update(identity.userId, { banned: true })).toMatchObject({ username: 'Mallory', banned: true })
    expect(await hub.accounts.authenticate({ cookie })).toBeNull()
    expect(await hub.accounts.authenticate({ authorization })).toBeNull()
    expect(hub.revokedUsers).toContain(identity.userId)
    expect(await refusal(hub.accounts.signIn({ username: 'mallory', password: 'password-1' }, from('10.0.0.1')))).toBe('banned')
  })

  test('when lifted gives back keys but not sessions', async () => {
    await using hub = await openAccounts()
    const { identity, cookie } = await register(hub, 'Mallory')
    const { token } = await hub.accounts.apiKeys.create(identity, 'k')
    await hub.accounts.users.update(identity.userId, { banned: true })
    await hub.accounts.users.update(identity.userId, { banned: false })
    expect(await hub.accounts.authenticate({ cookie })).toBeNull()
    expect(await hub.accounts.authenticate({ authorization: `Bearer ${token}` })).not.toBeNull()
    await hub.accounts.signIn({ username: 'mallory', password: 'password-1' }, from('10.0.0.1'))
  })

  test('is not undone by a look-up that was under way', async () => {
    await using hub = await openAccounts()
    const { identity, cookie } = await register(hub, 'Mallory')
    const { token } = await hub.accounts.apiKeys.create(identity, 'k')
    const lookUps = Array.from({ length: 20 }, (_, index) =>
      hub.accounts.authenticate(index % 2 === 0 ? { cookie } : { authorization: `Bearer ${token}` }),
    )
    await hub.accounts.users.update(identity.userId, { banned: true })
    await Promise.all(lookUps)
    expect(await hub.accounts.authenticate({ cookie })).toBeNull()
    expect(await hub.accounts.authenticate({ authorization: `Bearer ${token}` })).toBeNull()
  })
})

describe('roles', () => {
  test('change at once for sessions and keys', async () => {
    await using hub = await openAccounts()
    const { identity, cookie } = await register(hub, 'Alice')
    const { token } = await hub.accounts.apiKeys.create(identity, 'k')
    const roles = async (): Promise<unknown[]> =>
      Promise.all([{ cookie }, { authorization: `Bearer ${token}` }].map(async (proof) => (await hub.accounts.authenticate(proof))?.role))
    expect(await roles()).toEqual(['user', 'user'])
    await hub.accounts.users.update(identity.userId, { role: 'admin' })
    expect(await roles()).toEqual(['admin', 'admin'])
    await hub.accounts.users.update(identity.userId, { role: 'user' })
    expect(await roles()).toEqual(['user', 'user'])
  })

  test('of the last unbanned admin cannot be taken, nor can they be banned', async () => {
    await using hub = await openAccounts()
    const { identity: admin } = await signInAdmin(hub)
    const { identity: alice } = await register(hub, 'Alice')
    const attempts = [{ role: 'user' }, { banned: true }, { role: 'user', banned: true }, { role: 'admin', banned: true }] as const
    for (const change of attempts) expect(await refusal(hub.accounts.users.update(admin.userId, change))).toBe('last_admin')
    expect(hub.revokedUsers).toEqual([])
    await hub.accounts.users.update(alice.userId, { role: 'admin' })
    await hub.accounts.users.update(alice.userId, { banned: true })
    expect(await refusal(hub.accounts.users.update(admin.userId, { role: 'user' }))).toBe('last_admin')
    await hub.accounts.users.update(alice.userId, { banned: false })
    await hub.accounts.users.update(admin.userId, { role: 'user' })
    expect(await refusal(hub.accounts.users.update(alice.userId, { banned: true }))).toBe('last_admin')
  })

  test('of two admins who demote each other at once: one stays', async () => {
    await using hub = await openAccounts()
    const { identity: admin } = await signInAdmin(hub)
    const { identity: alice } = await register(hub, 'Alice')
    await hub.accounts.users.update(alice.userId, { role: 'admin' })
    const outcomes = await Promise.all([admin, alice].map((target) => refusal(hub.accounts.users.update(target.userId, { role: 'user' }))))
    expect(outcomes.toSorted()).toEqual(['accepted', 'last_admin'])
  })

  test('of an unknown user cannot be changed', async () => {
    await using hub = await openAccounts()
    expect(await refusal(hub.accounts.users.update(userId.parse('nobody'), { role: 'admin' }))).toBe('not_found')
  })
})

test('an admin sets a password: old sessions and the old password are gone', async () => {
  await using hub = await openAccounts()
  const { identity, cookie } = await register(hub, 'Alice')
  await hub.accounts.users.update(identity.userId, { password: 'chosen by the admin' })
  expect(await hub.accounts.authenticate({ cookie })).toBeNull()
  expect(hub.revokedUsers).toContain(identity.userId)
  expect(await refusal(hub.accounts.signIn({ username: 'Alice', password: 'password-1' }, from('10.0.0.1')))).toBe('invalid_credentials')
  await hub.accounts.signIn({ username: 'Alice', password: 'chosen by the admin' }, from('10.0.0.1'))
})

test('signing out ends this session only, at once; twice is no error', async () => {
  await using hub = await openAccounts()
  const one = await signInAdmin(hub)
  const two = await signInAdmin(hub)
  const cookies = await hub.accounts.signOut(from('10.0.0.1', one.cookie))
  expect(cookies.some((cookie) => cookie.includes('session_token=;') && cookie.includes('Max-Age=0'))).toBe(true)
  expect(await hub.accounts.authenticate({ cookie: one.cookie })).toBeNull()
  expect(await hub.accounts.authenticate({ cookie: two.cookie })).not.toBeNull()
  await hub.accounts.signOut(from('10.0.0.1', one.cookie))
  await hub.accounts.signOut(from('10.0.0.1'))
})

test('forged and foreign cookies are nobody', async () => {
  await using hub = await openAccounts()
  const { cookie } = await signInAdmin(hub)
  const [name, value = ''] = cookie.split('=')
  for (const forged of [`${name}=`, `${name}=x`, `${name}=x.y`, `${name}=${value.slice(0, -8)}`, `x${cookie}`, `${name}=%`, '', ';;;=']) {
    expect(await hub.accounts.authenticate({ cookie: forged })).toBeNull()
  }
  expect(await hub.accounts.authenticate({ cookie: `a=b; ${cookie}; c=d` })).not.toBeNull()
  expect(hub.errors).toEqual([])
})

test('a session that is a day old is prolonged, and its cookie with it', async () => {
  await using hub = await openAccounts()
  const { cookie } = await signInAdmin(hub)
  expect(await hub.accounts.renewSession(from('10.0.0.1', cookie))).toEqual([])
  await hub.db
    .updateTable('session')
    .set({ expiresAt: new Date(Date.now() + 20 * 24 * 3_600_000).toISOString() })
    .execute()
  const [renewed] = await hub.accounts.renewSession(from('10.0.0.1', cookie))
  expect(renewed).toContain('Max-Age=2592000')
})

test('expired sessions are refused, and removed at the next start', async () => {
  const first = await openAccounts()
  const { cookie } = await signInAdmin(first)
  await first.db.updateTable('session').set({ expiresAt: '2020-01-01T00:00:00.000Z' }).execute()
  await using hub = await first.restart()
  expect(await hub.accounts.authenticate({ cookie })).toBeNull()
  expect(await hub.db.selectFrom('session').selectAll().execute()).toEqual([])
})
