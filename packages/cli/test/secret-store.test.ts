import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CommandFailure } from '../src/command-failure.ts'
import { chooseToken } from '../src/secrets/choose-token.ts'
import { hostKey } from '../src/secrets/host-key.ts'
import { createSecretStore, type StoredToken } from '../src/secrets/secret-store.ts'

const HOST = 'http://localhost:5001'
let home: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'spaces-store-'))
})
afterEach(() => rm(home, { recursive: true }))

describe('what is kept', () => {
  test('is readable by its owner alone', async () => {
    const directory = join(home, 'config', 'websocket-spaces')
    const store = createSecretStore(directory)
    await store.saveToken(HOST, 'admin/Echo', 'wst_1')
    await store.saveKey(HOST, { id: 'k1', username: 'admin', key: 'wsk_1' })
    for (const kind of ['connect-tokens', 'api-keys']) {
      const path = join(directory, kind)
      expect((await stat(path)).mode & 0o777).toBe(0o700)
      const names = await readdir(path)
      expect(names).toHaveLength(1)
      for (const name of names) expect((await stat(join(path, name))).mode & 0o777).toBe(0o600)
    }
  })

  test('is found again by host, newest first, one token per space', async () => {
    const store = createSecretStore(home)
    await store.saveToken(HOST, 'admin/A', 'wst_old')
    await store.saveToken(HOST, 'admin/B', 'wst_b')
    await store.saveToken('http://other:5001', 'admin/A', 'wst_other')
    await new Promise((resolve) => setTimeout(resolve, 5))
    await store.saveToken(HOST, 'admin/A', 'wst_new')
    expect((await store.tokensFor(HOST)).map((stored) => stored.token)).toEqual(['wst_new', 'wst_b'])
  })

  test('survives many writers at once', async () => {
    const stores = Array.from({ length: 20 }, () => createSecretStore(home))
    await Promise.all(stores.map((store, index) => store.saveToken(HOST, `admin/S${index}`, `wst_${index}`)))
    const stored = await createSecretStore(home).tokensFor(HOST)
    expect(new Set(stored.map((token) => token.token)).size).toBe(20)
  })

  test('a key is forgotten by logout', async () => {
    const store = createSecretStore(home)
    await store.saveKey(HOST, { id: 'k1', username: 'admin', key: 'wsk_1' })
    expect(await store.keyFor('http://127.0.0.1:5001')).toMatchObject({ id: 'k1', username: 'admin', key: 'wsk_1' })
    await store.forgetKey(HOST)
    expect(await store.keyFor(HOST)).toBeUndefined()
  })

  test('a directory that cannot be written is told, not thrown as a crash', async () => {
    await writeFile(join(home, 'file'), '')
    await expect(createSecretStore(join(home, 'file', 'config')).saveToken(HOST, null, 'wst_x')).rejects.toBeInstanceOf(CommandFailure)
  })
})

describe('host key', () => {
  test.each(['localhost:5001', 'http://127.0.0.1:5001/', 'http://0.0.0.0:5001', 'http://[::1]:5001/?token=wst_x'])(
    '%s is this machine',
    (host) => {
      expect(hostKey(host)).toBe('http://localhost:5001')
    },
  )

  test('other machines and schemes are others', () => {
    expect(hostKey('https://hub.example')).toBe('https://hub.example')
    expect(hostKey('http://hub.example:80')).toBe('http://hub.example')
  })
})

function token(space: string | null, value: string): StoredToken {
  return { host: HOST, space, token: value, saved_at: '' }
}

describe('the token chosen for a space', () => {
  const tokens = [token('bob/New', 'wst_newest'), token('alice/Echo', 'wst_alice'), token('bob/Echo', 'wst_bob')]

  test.each([
    ['the exact owner/name', 'bob/Echo', { token: 'wst_bob', meant: true }],
    ['owners in any case', 'BOB/Echo', { token: 'wst_bob', meant: true }],
    ['a bare name: the newest of that name', 'Echo', { token: 'wst_alice', meant: true }],
    ["another owner's: not meant", 'carol/Echo', { token: 'wst_alice', meant: false }],
    ['another case is another name', 'echo', { token: 'wst_alice', meant: false }],
    ['an unknown name: the newest of the hub', 'Nope', { token: 'wst_newest', meant: false }],
  ])('%s', (_what, space, expected) => {
    expect(chooseToken(tokens, space)).toEqual(expected)
  })

  test("one for all spaces before another space's", () => {
    const all = [...tokens, token(null, 'wst_all')]
    expect(chooseToken(all, 'bob/Echo')).toEqual({ token: 'wst_bob', meant: true })
    expect(chooseToken(all, 'Nope')).toEqual({ token: 'wst_all', meant: true })
  })

  test('none where none is kept', () => {
    expect(chooseToken([], 'Echo')).toBeUndefined()
  })
})
