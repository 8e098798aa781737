import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { secretId, type SpaceId, spaceId } from '@websocket-spaces/protocol'
import { from, openAccounts, refusal, register, signInAdmin, type TestAccounts } from './harness.ts'

async function addSpace(
  { db }: TestAccounts,
  ownerId: Awaited<ReturnType<typeof register>>['identity']['userId'],
  name: string,
): Promise<SpaceId> {
  const id = spaceId.parse(`space-${name}`)
  const texts = {
    name,
    description: '',
    tags: '[]',
    emoji: '',
    inputs: '[]',
    examples: '[]',
    category: 'other' as const,
    visibility: 'public' as const,
  }
  const numbers = {
    max_queue: 1,
    min_interval_seconds: 0,
    daily_quota: 0,
    deadline_seconds: 1,
    max_attempts: 3,
    hold_seconds: 0,
    open_registration: 0,
    created_at: 0,
    updated_at: 0,
  }
  await db
    .insertInto('spaces')
    .values({ id, owner_id: ownerId, ...texts, ...numbers })
    .execute()
  return id
}

async function names(list: Promise<{ name: string; space: string | null }[]>): Promise<[string, string | null][]> {
  return (await list).map((token) => [token.name, token.space])
}

describe('API keys', () => {
  test('act as their user and are listed without themselves', async () => {
    await using hub = await openAccounts()
    const { identity } = await register(hub, 'Alice')
    const { token, ...view } = await hub.accounts.apiKeys.create(identity, 'my script')
    expect(token).toMatch(/^wsk_[\w-]{43}$/)
    expect(view).toMatchObject({ name: 'my script', hint: token.slice(-4), space: null, last_used_at: null })
    expect(await hub.accounts.apiKeys.list(identity)).toEqual([view])
    expect(await hub.accounts.authenticate({ authorization: `Bearer ${token}` })).toEqual({ ...identity, via: 'key' })
    expect(await hub.accounts.authenticate({ authorization: `bearer  ${token}` })).toEqual({ ...identity, via: 'key' })
    for (const wrong of [`${token}x`, token.slice(0, -1), 'wsk_', 'wsk_x']) {
      expect(await hub.accounts.authenticate({ authorization: `Bearer ${wrong}` })).toBeNull()
    }
  })

  test('go before the cookie, and a wrong one is not made good by it', async () => {
    await using hub = await openAccounts()
    const { cookie, identity } = await register(hub, 'Alice')
    const admin = await signInAdmin(hub)
    const { token } = await hub.accounts.apiKeys.create(identity, 'k')
    expect(await hub.accounts.authenticate({ cookie: admin.cookie, authorization: `Bearer ${token}` })).toMatchObject({
      username: 'Alice',
      via: 'key',
    })
    expect(await hub.accounts.authenticate({ cookie, authorization: 'Bearer wsk_wrong' })).toBeNull()
    expect(await hub.accounts.authenticate({ cookie, authorization: 'Basic cHJveHk6c2VjcmV0' })).toMatchObject({
      username: 'Alice',
      via: 'session',
    })
  })

  test('stop working the moment they are revoked, cached or not', async () => {
    await using hub = await openAccounts()
    const { identity } = await register(hub, 'Alice')
    const { token, id } = await hub.accounts.apiKeys.create(identity, 'k')
    const authorization = `Bearer ${token}`
    expect(await hub.accounts.authenticate({ authorization })).not.toBeNull()
    await hub.accounts.apiKeys.revoke(identity, id)
    expect(await hub.accounts.authenticate({ authorization })).toBeNull()
  })

  test('of others can be neither seen nor revoked', async () => {
    await using hub = await openAccounts()
    const { identity: alice } = await register(hub, 'Alice')
    const { identity: bob } = await register(hub, 'Bob')
    const { id } = await hub.accounts.apiKeys.create(alice, 'k')
    expect(await hub.accounts.apiKeys.list(bob)).toEqual([])
    expect(await refusal(hub.accounts.apiKeys.revoke(bob, id))).toBe('not_found')
    expect(await refusal(hub.accounts.apiKeys.revoke(alice, secretId.parse('unknown')))).toBe('not_found')
    expect(await hub.accounts.apiKeys.list(alice)).toHaveLength(1)
  })

  test('cannot make more keys', async () => {
    await using hub = await openAccounts()
    const { identity } = await register(hub, 'Alice')
    expect(await refusal(hub.accounts.apiKeys.create({ ...identity, via: 'key' }, 'k'))).toBe('forbidden')
  })

  test('are limited in number, also when many are asked for at once', async () => {
    await using hub = await openAccounts()
    const { identity } = await register(hub, 'Alice')
    const outcomes = await Promise.all(
      Array.from({ length: 205 }, (_, index) => refusal(hub.accounts.apiKeys.create(identity, `k${index}`))),
    )
    expect(outcomes.filter((outcome) => outcome === 'too_many')).toHaveLength(5)
  })

  test('note when they were last used, at most once a minute', async () => {
    await using hub = await openAccounts()
    const { identity } = await register(hub, 'Alice')
    const { token } = await hub.accounts.apiKeys.create(identity, 'k')
    const use = async (): Promise<string | null | undefined> => {
      await hub.accounts.authenticate({ authorization: `Bearer ${token}` })
      return (await hub.accounts.apiKeys.list(identity))[0]?.last_used_at
    }
    const first = await use()
    expect(first).not.toBeNull()
    hub.advance(10_000)
    expect(await use()).toBe(first)
    hub.advance(60_000)
    expect(await use()).not.toBe(first)
  })
})

describe('connect tokens', () => {
  test('are for one space or for all of an owner', async () => {
    await using hub = await openAccounts()
    const { identity } = await register(hub, 'Alice')
    const space = { id: await addSpace(hub, identity.userId, 'ocr'), fullName: 'Alice/ocr' }
    const one = await hub.accounts.connectTokens.create({ ownerId: identity.userId, space }, 'gpu box')
    const all = await hub.accounts.connectTokens.create({ ownerId: identity.userId, space: null }, 'lab')
    expect(one.token).toMatch(/^wst_[\w-]{43}$/)
    expect(one.space).toBe('Alice/ocr')
    expect(all.space).toBeNull()
    const owner = { ownerId: identity.userId, ownerRole: 'user' }
    expect(await hub.accounts.connectTokens.find(one.token)).toEqual({ id: one.id, spaceId: space.id, ...owner })
    expect(await hub.accounts.connectTokens.find(all.token)).toEqual({ id: all.id, spaceId: null, ...owner })
    expect(await names(hub.accounts.connectTokens.listOfSpace(space.id))).toEqual([['gpu box', 'Alice/ocr']])
    expect(await names(hub.accounts.connectTokens.listOfOwner(identity.userId))).toEqual([
      ['lab', null],
      ['gpu box', 'Alice/ocr'],
    ])
  })

  test('and API keys are not good for each other', async () => {
    await using hub = await openAccounts()
    const { identity } = await register(hub, 'Alice')
    const token = await hub.accounts.connectTokens.create({ ownerId: identity.userId, space: null }, 't')
    const key = await hub.accounts.apiKeys.create(identity, 'k')
    expect(await hub.accounts.connectTokens.find(key.token)).toBeNull()
    expect(await hub.accounts.connectTokens.find(key.token.replace('wsk_', 'wst_'))).toBeNull()
    expect(await hub.accounts.authenticate({ authorization: `Bearer ${token.token}` })).toBeNull()
    expect(await refusal(hub.accounts.apiKeys.revoke(identity, token.id))).toBe('not_found')
  })

  test('are dead once revoked, and their connections are dropped', async () => {
    await using hub = await openAccounts()
    const { identity: alice } = await register(hub, 'Alice')
    const { identity: bob } = await register(hub, 'Bob')
    const { token, id } = await hub.accounts.connectTokens.create({ ownerId: alice.userId, space: null }, 't')
    expect(await refusal(hub.accounts.connectTokens.revoke({ id, ownerId: bob.userId }))).toBe('not_found')
    expect(hub.revokedTokens).toEqual([])
    await hub.accounts.connectTokens.revoke({ id, ownerId: alice.userId })
    expect(hub.revokedTokens).toEqual([id])
    expect(await hub.accounts.connectTokens.find(token)).toBeNull()
  })

  test('of a deleted space go with it, and only those', async () => {
    await using hub = await openAccounts()
    const { identity } = await register(hub, 'Alice')
    const space = { id: await addSpace(hub, identity.userId, 'ocr'), fullName: 'Alice/ocr' }
    const one = await hub.accounts.connectTokens.create({ ownerId: identity.userId, space }, 'one')
    const all = await hub.accounts.connectTokens.create({ ownerId: identity.userId, space: null }, 'all')
    await hub.accounts.connectTokens.revokeOfSpace(space.id)
    expect(hub.revokedTokens).toEqual([one.id])
    expect(await hub.accounts.connectTokens.find(all.token)).not.toBeNull()
  })

  test('of a banned owner are refused and dropped, and work again after the ban', async () => {
    await using hub = await openAccounts()
    const { identity } = await register(hub, 'Alice')
    const { token, id } = await hub.accounts.connectTokens.create({ ownerId: identity.userId, space: null }, 't')
    await hub.accounts.users.update(identity.userId, { banned: true })
    expect(hub.revokedTokens).toEqual([id])
    expect(await hub.accounts.connectTokens.find(token)).toBeNull()
    await hub.accounts.users.update(identity.userId, { banned: false })
    expect(await hub.accounts.connectTokens.find(token)).not.toBeNull()
  })
})

test('no secret is anywhere in the data directory, except what is meant to be there', async () => {
  await using hub = await openAccounts()
  const { identity, cookie } = await register(hub, 'Alice', 'the password of Alice')
  const key = await hub.accounts.apiKeys.create(identity, 'k')
  const token = await hub.accounts.connectTokens.create({ ownerId: identity.userId, space: null }, 't')
  const invite = await hub.accounts.invites.create({ note: '', uses: 1, expires_in_days: null })
  await hub.accounts.signIn({ username: 'Alice', password: 'the password of Alice' }, from('10.0.0.1'))
  const secrets = [key.token, token.token, invite.code].map((secret) => secret.slice(4))
  const signature = decodeURIComponent(cookie.split('=')[1] ?? '').split('.')[1] ?? 'none'
  const files = await readdir(hub.dataDir)
  expect(files).toContain('hub.sqlite')
  for (const file of files) {
    const bytes = await readFile(join(hub.dataDir, file))
    for (const secret of [...secrets, 'the password of Alice', signature])
      expect(bytes.includes(secret), `${secret} in ${file}`).toBe(false)
  }
})
