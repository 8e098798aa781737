import { describe, expect, test } from 'vitest'
import { from, openAccounts, refusal, register, type TestAccounts } from './harness.ts'

const DAY = 24 * 60 * 60 * 1000
const invite = { note: 'class of 26', uses: 1, expires_in_days: 30 }

function signUp({ accounts }: TestAccounts, username: string, code?: string): Promise<string> {
  return refusal(accounts.signUp({ username, password: 'password-1', invite: code }, from('10.0.0.1')))
}

async function usesLeft({ accounts }: TestAccounts): Promise<number | undefined> {
  return (await accounts.invites.list())[0]?.uses_left
}

async function inviteOnly(): Promise<TestAccounts> {
  const hub = await openAccounts()
  await hub.accounts.updateSettings({ registration: 'invite' })
  return hub
}

describe('registering', () => {
  test('is open at first, signs in and makes a plain user', async () => {
    await using hub = await openAccounts()
    expect(await hub.accounts.settings()).toEqual({ registration: 'open' })
    const { identity } = await register(hub, 'Alice')
    expect(identity).toMatchObject({ username: 'Alice', role: 'user', via: 'session' })
  })

  test('refuses a username that differs from another only in case', async () => {
    await using hub = await openAccounts()
    await register(hub, 'Alice')
    expect(await signUp(hub, 'aLICE')).toBe('username_taken')
    expect(await signUp(hub, 'Admin')).toBe('username_taken')
  })

  test('refuses names that pass for the hub itself', async () => {
    await using hub = await openAccounts()
    for (const name of ['System', 'support', 'administrator', 'me0'.slice(0, 2)]) expect(await signUp(hub, name)).toBe('username_taken')
  })

  test('takes every username the contract allows', async () => {
    await using hub = await openAccounts()
    for (const name of ['a.b', 'a..b', 'ab.', 'a_-', 'A-1.', '007', 'x'.repeat(32)]) expect(await signUp(hub, name)).toBe('accepted')
    expect(await signUp(hub, 'a._b')).toBe('accepted')
  })

  test('gives one name to one of many who ask at once', async () => {
    await using hub = await openAccounts()
    const outcomes = await Promise.all(Array.from({ length: 8 }, (_, index) => signUp(hub, index % 2 === 0 ? 'Racer' : 'racer')))
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'username_taken')).toHaveLength(7)
  })

  test('is limited per address', async () => {
    await using hub = await openAccounts()
    const outcomes: string[] = []
    for (let index = 0; index < 61; index += 1) outcomes.push(await signUp(hub, 'admin'))
    expect(outcomes.slice(0, 60).every((outcome) => outcome === 'username_taken')).toBe(true)
    expect(outcomes.at(-1)).toBe('rate_limited')
  })

  test('can be closed, and the choice outlives a restart', async () => {
    const first = await openAccounts()
    await first.accounts.updateSettings({ registration: 'closed' })
    await using hub = await first.restart()
    expect(await hub.accounts.registrationMode()).toBe('closed')
    expect(await signUp(hub, 'Alice')).toBe('registration_closed')
  })
})

describe('invites', () => {
  test('are needed when the hub is for invited people', async () => {
    await using hub = await inviteOnly()
    expect(await signUp(hub, 'Alice')).toBe('invite_required')
    expect(await signUp(hub, 'Alice', 'wsi_abcdefghjkmnpqrstuvw')).toBe('invite_required')
    const { code } = await hub.accounts.invites.create(invite)
    expect(code).toMatch(/^wsi_[a-hjkmnp-z2-9]{20}$/)
    expect(await signUp(hub, 'Alice', ` ${code.toUpperCase()} `)).toBe('accepted')
    expect(await usesLeft(hub)).toBe(0)
    expect(await signUp(hub, 'Bob', code)).toBe('invite_required')
  })

  test('are not asked for, nor used up, while registration is open', async () => {
    await using hub = await openAccounts()
    const { code } = await hub.accounts.invites.create(invite)
    expect(await signUp(hub, 'Alice', code)).toBe('accepted')
    expect(await usesLeft(hub)).toBe(1)
  })

  test('keep their use when signing up fails for another reason', async () => {
    await using hub = await inviteOnly()
    const { code } = await hub.accounts.invites.create(invite)
    expect(await signUp(hub, 'admin', code)).toBe('username_taken')
    expect(await usesLeft(hub)).toBe(1)
  })

  test('are worth as many accounts as they have uses, however many race for them', async () => {
    await using hub = await inviteOnly()
    const { code } = await hub.accounts.invites.create({ ...invite, uses: 3 })
    const outcomes = await Promise.all(Array.from({ length: 10 }, (_, index) => signUp(hub, `racer-${index}`, code)))
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(3)
    expect(outcomes.filter((outcome) => outcome === 'invite_required')).toHaveLength(7)
    expect(await usesLeft(hub)).toBe(0)
  })

  test('lose one use when one name is raced for with one code', async () => {
    await using hub = await inviteOnly()
    const { code } = await hub.accounts.invites.create({ ...invite, uses: 5 })
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => signUp(hub, 'racer', code)))
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1)
    expect(await usesLeft(hub)).toBe(4)
  })

  test('expire, unless they never do', async () => {
    await using hub = await inviteOnly()
    const month = await hub.accounts.invites.create(invite)
    const forever = await hub.accounts.invites.create({ ...invite, expires_in_days: null })
    hub.advance(31 * DAY)
    expect(await signUp(hub, 'Alice', month.code)).toBe('invite_required')
    expect(await signUp(hub, 'Alice', forever.code)).toBe('accepted')
  })

  test('can be revoked, and are listed newest first without their code', async () => {
    await using hub = await inviteOnly()
    const old = await hub.accounts.invites.create(invite)
    const { code, ...recent } = await hub.accounts.invites.create({ ...invite, note: 'second' })
    expect((await hub.accounts.invites.list()).map((listed) => listed.id)).toEqual([recent.id, old.id])
    expect((await hub.accounts.invites.list())[0]).toEqual(recent)
    await hub.accounts.invites.revoke(recent.id)
    expect(await signUp(hub, 'Alice', code)).toBe('invite_required')
    expect(await refusal(hub.accounts.invites.revoke(recent.id))).toBe('not_found')
  })
})
