import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cookieOf, from, openAccounts, refusal, signInAdmin, temporaryDirectory } from './harness.ts'

const FILE = 'admin-password.txt'
const generated = { adminPassword: undefined }

async function permissions(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}

describe('the first admin', () => {
  test('gets a readable password, kept in a file of the owner alone', async () => {
    await using hub = await openAccounts(generated)
    const created = hub.accounts.firstAdmin
    expect(created?.username).toBe('admin')
    expect(created?.password).toMatch(/^[a-hjkmnp-z2-9]{5}(-[a-hjkmnp-z2-9]{5}){3}$/)
    expect(created?.passwordFile).toBe(join(hub.dataDir, FILE))
    expect((await readFile(join(hub.dataDir, FILE), 'utf8')).trim()).toBe(created?.password)
    expect(await permissions(join(hub.dataDir, FILE))).toBe(0o600)
    expect(await permissions(join(hub.dataDir, 'auth-secret'))).toBe(0o600)
    const { identity } = await signInAdmin(hub, created?.password)
    expect(identity.role).toBe('admin')
    expect(await hub.accounts.me(identity.userId)).toMatchObject({ username: 'admin', role: 'admin', initial_password: true })
  })

  test('is shown once: a restart makes and shows nobody, and sessions stay valid', async () => {
    const first = await openAccounts(generated)
    const { cookie } = await signInAdmin(first, first.accounts.firstAdmin?.password)
    await using hub = await first.restart()
    expect(hub.accounts.firstAdmin).toBeNull()
    const identity = await hub.accounts.authenticate({ cookie })
    expect(identity?.username).toBe('admin')
    expect(await readdir(hub.dataDir)).toContain(FILE)
  })

  test('takes ADMIN_PASSWORD, and then no file is written', async () => {
    await using hub = await openAccounts({ adminPassword: 'from the environment' })
    expect(hub.accounts.firstAdmin).toEqual({ username: 'admin', password: 'from the environment', passwordFile: null })
    expect(await readdir(hub.dataDir)).not.toContain(FILE)
    const { identity } = await signInAdmin(hub, 'from the environment')
    expect(await hub.accounts.me(identity.userId)).toMatchObject({ initial_password: false })
  })

  test('is not made with an ADMIN_PASSWORD that is too short', async () => {
    const dataDir = await temporaryDirectory()
    await expect(openAccounts({ adminPassword: 'short', dataDir })).rejects.toMatchObject({
      code: 'config_invalid',
      details: { name: 'ADMIN_PASSWORD' },
    })
  })

  test('loses the file when they change the password themselves', async () => {
    await using hub = await openAccounts(generated)
    const password = hub.accounts.firstAdmin?.password ?? ''
    const { cookie, identity } = await signInAdmin(hub, password)
    await hub.accounts.changePassword(identity, { currentPassword: password, newPassword: 'something else' }, from('10.0.0.1', cookie))
    expect(await readdir(hub.dataDir)).not.toContain(FILE)
    expect(await hub.accounts.me(identity.userId)).toMatchObject({ initial_password: false })
  })

  test('keeps the file when the change is refused', async () => {
    await using hub = await openAccounts(generated)
    const { cookie, identity } = await signInAdmin(hub, hub.accounts.firstAdmin?.password)
    const change = hub.accounts.changePassword(
      identity,
      { currentPassword: 'a wrong one', newPassword: 'something else' },
      from('10.0.0.1', cookie),
    )
    expect(await refusal(change)).toBe('wrong_password')
    expect(await readdir(hub.dataDir)).toContain(FILE)
    expect(await hub.accounts.me(identity.userId)).toMatchObject({ initial_password: true })
  })

  test('loses the file when an admin sets another password for them', async () => {
    await using hub = await openAccounts(generated)
    const { identity } = await signInAdmin(hub, hub.accounts.firstAdmin?.password)
    await hub.accounts.users.update(identity.userId, { password: 'set by an admin' })
    expect(await readdir(hub.dataDir)).not.toContain(FILE)
    await signInAdmin(hub, 'set by an admin')
  })

  test('is made anew after a crash before the account was complete', async () => {
    const crashed = await openAccounts(generated)
    await crashed.db.deleteFrom('account').execute()
    await using hub = await crashed.restart()
    expect(hub.accounts.firstAdmin).not.toBeNull()
    await signInAdmin(hub, hub.accounts.firstAdmin?.password)
    await signInAdmin(hub, (await readFile(join(hub.dataDir, FILE), 'utf8')).trim())
  })

  test('can sign in by the file after a crash right after the account was made', async () => {
    const crashed = await openAccounts(generated)
    await using hub = await crashed.restart()
    expect(hub.accounts.firstAdmin).toBeNull()
    const { identity } = await signInAdmin(hub, (await readFile(join(hub.dataDir, FILE), 'utf8')).trim())
    expect(await hub.accounts.me(identity.userId)).toMatchObject({ initial_password: true })
  })

  test('has no stale file after a crash between changing the password and deleting the file', async () => {
    const crashed = await openAccounts(generated)
    const password = crashed.accounts.firstAdmin?.password ?? ''
    const { cookie, identity } = await signInAdmin(crashed, password)
    const row = await crashed.db.selectFrom('settings').selectAll().executeTakeFirstOrThrow()
    await crashed.accounts.changePassword(identity, { currentPassword: password, newPassword: 'something else' }, from('10.0.0.1', cookie))
    await crashed.db.insertInto('settings').values(row).execute()
    await writeFile(join(crashed.dataDir, FILE), password)
    await using hub = await crashed.restart()
    expect(await readdir(hub.dataDir)).not.toContain(FILE)
    expect(await hub.accounts.me(identity.userId)).toMatchObject({ initial_password: false })
  })
})

describe('the key that signs cookies', () => {
  test('is refused when it was cut short, rather than replaced in silence', async () => {
    const dataDir = await temporaryDirectory()
    await writeFile(join(dataDir, 'auth-secret'), 'short')
    await expect(openAccounts({ dataDir })).rejects.toMatchObject({ code: 'secret_damaged' })
  })

  test('of another hub opens no session here', async () => {
    await using here = await openAccounts()
    await using there = await openAccounts()
    const value = cookieOf(await there.accounts.signIn({ username: 'admin', password: 'correct horse battery' }, from('10.0.0.1'))).split(
      '=',
    )[1]
    const name = cookieOf(await here.accounts.signIn({ username: 'admin', password: 'correct horse battery' }, from('10.0.0.1'))).split(
      '=',
    )[0]
    expect(await here.accounts.authenticate({ cookie: `${name}=${value}` })).toBeNull()
  })
})
