import { describe, expect, test } from 'vitest'
import { SpacesError } from '@websocket-spaces/protocol'
import { cookieOf, from, openAccounts, refusal, register, signInAdmin, type TestAccounts } from './harness.ts'

const MINUTE = 60_000

async function tryOften(
  { accounts }: TestAccounts,
  times: number,
  username: string,
  address: (index: number) => string,
): Promise<string[]> {
  const codes: string[] = []
  for (let index = 0; index < times; index += 1) {
    codes.push(await refusal(accounts.signIn({ username, password: `wrong ${index} wrong` }, from(address(index)))))
  }
  return codes
}

describe('signing in', () => {
  test('sets an HttpOnly, SameSite=Lax cookie that lasts 30 days', async () => {
    await using hub = await openAccounts()
    const { cookies } = await hub.accounts.signIn({ username: 'admin', password: 'correct horse battery' }, from('10.0.0.1'))
    expect(cookies).toHaveLength(1)
    expect(cookies[0]).toMatch(/^spaces-[0-9a-f]{8}\.session_token=[^;]+; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/)
  })

  test('sets a Secure cookie when the public address is https', async () => {
    await using hub = await openAccounts({ adminPassword: 'correct horse battery', publicUrl: 'https://hub.example' })
    const { cookies } = await hub.accounts.signIn({ username: 'admin', password: 'correct horse battery' }, from('10.0.0.1'))
    expect(cookies[0]).toMatch(/^__Secure-spaces-.+; HttpOnly; Secure; SameSite=Lax$/)
    expect(
      await hub.accounts.authenticate({ cookie: cookieOf({ cookies, userId: (await signInAdmin(hub)).identity.userId }) }),
    ).not.toBeNull()
  })

  test('does not mind the case of a username and shows it as it was registered', async () => {
    await using hub = await openAccounts()
    await register(hub, 'McDuck')
    const cookie = cookieOf(await hub.accounts.signIn({ username: 'mcdUCK', password: 'password-1' }, from('10.0.0.1')))
    expect(await hub.accounts.authenticate({ cookie })).toMatchObject({ username: 'McDuck', role: 'user', via: 'session' })
  })

  test('answers an unknown username, a wrong password and impossible ones alike', async () => {
    await using hub = await openAccounts()
    const attempts = [
      { username: 'admin', password: 'a wrong password' },
      { username: 'nobody-here', password: 'a wrong password' },
      { username: 'no/such name', password: 'a wrong password' },
      { username: 'admin', password: 'x' },
      { username: 'admin', password: 'x'.repeat(1_000) },
      { username: '', password: '' },
    ]
    for (const attempt of attempts) {
      const error: unknown = await hub.accounts.signIn(attempt, from('10.0.0.1')).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(SpacesError)
      expect(error).toMatchObject({ code: 'invalid_credentials', details: {} })
    }
  })

  test('tells a banned user so only after the right password', async () => {
    await using hub = await openAccounts()
    const { identity } = await register(hub, 'mallory')
    await hub.accounts.users.update(identity.userId, { banned: true })
    expect(await refusal(hub.accounts.signIn({ username: 'mallory', password: 'not the one' }, from('10.0.0.1')))).toBe(
      'invalid_credentials',
    )
    expect(await refusal(hub.accounts.signIn({ username: 'mallory', password: 'password-1' }, from('10.0.0.1')))).toBe('banned')
  })
})

describe('guessing passwords', () => {
  test('is stopped after 10 failures from one address within a minute', async () => {
    await using hub = await openAccounts()
    const codes = await tryOften(hub, 12, 'admin', () => '10.0.0.1')
    expect(codes).toEqual([...Array<string>(10).fill('invalid_credentials'), 'rate_limited', 'rate_limited'])
    const blocked: unknown = await hub.accounts
      .signIn({ username: 'admin', password: 'correct horse battery' }, from('10.0.0.1'))
      .catch((e: unknown) => e)
    expect(blocked).toMatchObject({ code: 'rate_limited' })
  })

  test('is stopped after 10 failures at one username from anywhere within 5 minutes, known or not', async () => {
    await using hub = await openAccounts()
    for (const username of ['admin', 'nobody-here']) {
      const codes = await tryOften(hub, 11, username, (index) => `10.0.${username.length}.${index}`)
      expect(codes).toEqual([...Array<string>(10).fill('invalid_credentials'), 'rate_limited'])
    }
    hub.advance(2 * MINUTE)
    expect(await tryOften(hub, 1, 'ADMIN', () => '10.0.1.1')).toEqual(['rate_limited'])
    hub.advance(4 * MINUTE)
    await signInAdmin(hub)
  })

  test('cannot lock out the owner of a username where they signed in before', async () => {
    await using hub = await openAccounts()
    await signInAdmin(hub)
    await tryOften(hub, 11, 'admin', (index) => `10.0.1.${index}`)
    await signInAdmin(hub)
  })

  test('is limited for tries at the same time as well', async () => {
    await using hub = await openAccounts()
    const tries = Array.from({ length: 30 }, () =>
      refusal(hub.accounts.signIn({ username: 'admin', password: 'a wrong password' }, from('10.0.0.1'))),
    )
    const codes = await Promise.all(tries)
    expect(codes.filter((code) => code === 'invalid_credentials')).toHaveLength(10)
  })

  test('does not count those who sign in rightly', async () => {
    await using hub = await openAccounts()
    for (let index = 0; index < 15; index += 1)
      await hub.accounts.signIn({ username: 'admin', password: 'correct horse battery' }, from('10.0.0.1'))
  })

  test('and signing in without end is limited too, and keeps no more sessions than anybody needs', async () => {
    await using hub = await openAccounts()
    await signInAdmin(hub)
    const sessions = hub.db.selectFrom('session').select('id').orderBy('id', 'desc')
    const oldest = await sessions.executeTakeFirstOrThrow()
    const signIn = (): Promise<string> =>
      refusal(hub.accounts.signIn({ username: 'admin', password: 'correct horse battery' }, from('10.0.0.1')))
    const outcomes: string[] = []
    for (let round = 0; round < 25; round += 1) outcomes.push(...(await Promise.all(Array.from({ length: 5 }, signIn))))
    expect(outcomes).toEqual([...Array<string>(120).fill('accepted'), ...Array<string>(5).fill('rate_limited')])
    const kept = await sessions.execute()
    expect(kept).toHaveLength(50)
    expect(kept).not.toContainEqual(oldest)
  })

  test('sees one client in all addresses of an IPv6 network', async () => {
    await using hub = await openAccounts()
    const codes = await tryOften(hub, 11, 'nobody-here', (index) => `2001:db8::${index}`)
    expect(codes.at(-1)).toBe('rate_limited')
    expect(await tryOften(hub, 1, 'somebody', () => '2001:0db8:0:0:1:2:3:4')).toEqual(['rate_limited'])
    expect(await tryOften(hub, 1, 'somebody', () => '2001:db8:0:1::4')).toEqual(['invalid_credentials'])
  })
})

describe('changing the password', () => {
  test('ends the other sessions and replaces this one', async () => {
    await using hub = await openAccounts()
    const other = await signInAdmin(hub)
    const { cookie, identity } = await signInAdmin(hub)
    const change = { currentPassword: 'correct horse battery', newPassword: 'a new password' }
    const renewed = cookieOf(await hub.accounts.changePassword(identity, change, from('10.0.0.1', cookie)))
    expect(await hub.accounts.authenticate({ cookie })).toBeNull()
    expect(await hub.accounts.authenticate({ cookie: other.cookie })).toBeNull()
    expect(await hub.accounts.authenticate({ cookie: renewed })).toEqual(identity)
    expect(hub.revokedUsers).toEqual([identity.userId])
    expect(await refusal(hub.accounts.signIn({ username: 'admin', password: 'correct horse battery' }, from('10.0.0.2')))).toBe(
      'invalid_credentials',
    )
    await signInAdmin(hub, 'a new password')
  })

  test('with a wrong current password is refused, and limited', async () => {
    await using hub = await openAccounts()
    const { cookie, identity } = await signInAdmin(hub)
    const codes: string[] = []
    for (let index = 0; index < 11; index += 1) {
      const change = { currentPassword: `wrong ${index}`, newPassword: 'a new password' }
      codes.push(await refusal(hub.accounts.changePassword(identity, change, from('10.0.0.1', cookie))))
    }
    expect(codes).toEqual([...Array<string>(10).fill('wrong_password'), 'rate_limited'])
    expect(await hub.accounts.authenticate({ cookie })).toEqual(identity)
  })

  test('needs a session', async () => {
    await using hub = await openAccounts()
    const { identity } = await signInAdmin(hub)
    const change = { currentPassword: 'correct horse battery', newPassword: 'a new password' }
    expect(await refusal(hub.accounts.changePassword(identity, change, from('10.0.0.1')))).toBe('not_signed_in')
  })
})
