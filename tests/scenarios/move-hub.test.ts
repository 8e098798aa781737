/** A hub on SQLite is killed in the middle of its work and moved to PostgreSQL by the command; there it goes on where it was. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { SpacesClient } from '@websocket-spaces/client'
import type { RequestView } from '@websocket-spaces/protocol'
import { type PostgresServer, startPostgres } from '../../packages/hub/test/support/postgres-server.ts'
import { type Child, startChild } from '../harness/child.ts'
import { startEchoApp } from '../harness/echo-app-process.ts'
import { eventually } from '../harness/eventually.ts'
import { ADMIN_PASSWORD, type HubProcess, startHubProcess } from '../harness/hub-process.ts'
import { makeSpace, type OwnedSpace, signInAdmin, signUp } from '../harness/people.ts'

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts')
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

const stack = new AsyncDisposableStack()
let postgres: PostgresServer
let old: HubProcess
beforeAll(async () => {
  postgres = stack.use(await startPostgres())
  old = stack.use(await startHubProcess())
})
afterAll(() => stack.disposeAsync())

function migrate(args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  return stack.use(startChild(process.execPath, [MAIN, 'migrate', ...args], { env: { LANG: 'C', LC_ALL: '', DATABASE_URL: '', ...env } }))
}

/** Somebody's browser: nothing but its cookie. */
async function cookieOf(url: string, username: string, password: string): Promise<string> {
  const response = await fetch(`${url}/api/auth/sign-in/username`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  })
  if (!response.ok) throw new Error(await response.text())
  return response.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
}

async function get(url: string, cookie: string): Promise<Response> {
  return fetch(url, { headers: { cookie } })
}

interface Before {
  readonly own: OwnedSpace
  readonly key: string
  readonly cookie: string
  readonly invite: string
  readonly done: RequestView
  readonly canceled: RequestView
  readonly running: RequestView
  readonly waiting: RequestView
}

/** A hub in use, killed while an app works on one request and another waits behind it. */
async function useAndKill(): Promise<Before> {
  const admin = await signInAdmin(old.url)
  const alice = await signUp(old.url, 'Alice')
  const own = await makeSpace(alice, { name: 'Moving', description: '搬家 🦊' })
  const cookie = await cookieOf(old.url, 'Alice', 'their-own-password')
  const cover = `${old.url}/api/v1/spaces/${own.reference}/cover`
  await fetch(cover, { method: 'PUT', headers: { cookie, 'content-type': 'image/png', origin: old.url }, body: PNG })
  const { token: key } = await alice.createKey('kept')
  const invite = await admin.createInvite('kept')
  await using app = await startEchoApp(old.url, own, 'before')
  const first = await alice.submit(own.reference, { prompt: 'before' })
  const done = await finished(alice, first.id)
  const unwanted = await alice.submit(own.reference, { prompt: 'hold: unwanted' })
  await app.line(new RegExp(`^started ${unwanted.id}`))
  await alice.cancel(unwanted.id)
  const canceled = await finished(alice, unwanted.id)
  const running = await alice.submit(own.reference, { prompt: 'hold: running' })
  await app.line(new RegExp(`^started ${running.id}`))
  const waiting = await alice.submit(own.reference, { prompt: 'waiting' })
  await old.kill()
  return { own, key, cookie, invite, done, canceled, running, waiting }
}

function finished(client: SpacesClient, id: string): Promise<RequestView> {
  return eventually(
    () => client.getRequest(id),
    ({ finished_at }) => finished_at !== null,
  )
}

async function eventsOf(url: string, cookie: string, id: string): Promise<string> {
  return (await get(`${url}/api/v1/requests/${id}/events`, cookie)).text()
}

test('everything is there after the move, and what waited is run', async () => {
  const refused = migrate(['--from', `sqlite:${old.dataDir}`, '--to', await postgres.createDatabase()])
  expect(await refused.exit()).toBe(1)
  expect(refused.lines.join('\n')).toMatch(/A hub is running/)

  const { own, key, cookie, invite, done, canceled, running, waiting } = await useAndKill()
  const DATABASE_URL = await postgres.createDatabase()
  const command = migrate(['--from', `sqlite:${old.dataDir}`], { DATABASE_URL })
  expect([await command.exit(), command.lines]).toEqual([0, command.lines])
  expect(command.lines.join('\n')).toMatch(/^ {2}requests +4 {2}sha256 [0-9a-f]{16}$/m)
  expect(command.lines.join('\n')).toMatch(/✓ \d+ rows in \d+ tables/)

  await using hub = await startHubProcess({ DATABASE_URL, DATA_DIR: join(old.dataDir, 'new') })
  const alice = new SpacesClient({ host: hub.url })
  await alice.signIn('Alice', 'their-own-password')
  expect(await signInAdmin(hub.url)).toBeDefined()
  expect(z.object({ username: z.string() }).parse(await (await get(`${hub.url}/api/v1/me`, cookie)).json()).username).toBe('Alice')
  const program = new SpacesClient({ host: hub.url, apiKey: key })
  expect(await program.getRequest(done.id)).toEqual(done)
  expect(await program.getRequest(canceled.id)).toEqual(canceled)
  expect(await eventsOf(hub.url, cookie, done.id)).toMatch(/event: result\ndata: .*"text_output":"before"/)
  expect((await alice.getSpace(own.reference)).description).toBe('搬家 🦊')
  const cover = await get(`${hub.url}/api/v1/spaces/${own.reference}/cover`, cookie)
  expect(Buffer.from(await cover.arrayBuffer()).equals(PNG)).toBe(true)
  await new SpacesClient({ host: hub.url }).signUp('Bob', 'bobs-own-password', invite)

  await using app = await startEchoApp(hub.url, own, 'after')
  await app.line(new RegExp(`^started ${running.id}`))
  app.write('go\n')
  for (const { id } of [running, waiting]) expect(await finished(program, id)).toMatchObject({ status: 'completed', instance: 'after' })
  const again = await alice.submit(own.reference, { prompt: 'afterwards' })
  expect(await finished(alice, again.id)).toMatchObject({ result: { text_output: 'afterwards' } })
})

describe('what the command says', () => {
  test.each([
    ['C', 'Users, sessions|users, sessions', 'ps'],
    ['zh_CN.UTF-8', '用户、会话', 'ps'],
  ])('help in %s tells how to keep the password from others', async (LANG, what, ps) => {
    const help = migrate(['--help'], { LANG })
    expect(await help.exit()).toBe(0)
    const text = help.lines.join('\n')
    expect(text).toMatch(new RegExp(what))
    expect(text).toContain(ps)
    expect(text).toContain('DATABASE_URL')
  })

  test.each([
    [['--from', './data', '--to', 'postgres://h/d'], /sqlite:\.\/data/],
    [['--from', 'sqlite:./data'], /DATABASE_URL=postgres:/],
    [['--from', 'sqlite:./data', '--to', 'mysql://root:hunter2@h/d'], /--to/],
    [['--from', 'sqlite:/nowhere/at/all', '--to', 'postgres://hub:hunter2@h/d'], /\/nowhere\/at\/all/],
    [['--to', 'postgres://hub:hunter2@h/d'], /--from/],
  ])('%j is refused, and no password is repeated', async (args, expected) => {
    for (const LANG of ['C', 'zh_CN.UTF-8']) {
      const command = migrate(args, { LANG })
      expect(await command.exit()).toBe(1)
      expect(command.lines.join('\n')).toMatch(expected)
      expect(command.lines.join('\n')).not.toMatch(/hunter2|^ +at /m)
    }
  })

  test('a database that lets nobody in is named without its password', async () => {
    await old.kill()
    const command = migrate(['--from', `sqlite:${old.dataDir}`], {
      DATABASE_URL: postgres.address('hub', 'hunter2-secret'),
      SPACES_DEBUG: '1',
    })
    expect(await command.exit()).toBe(1)
    const text = command.lines.join('\n')
    expect(text).toContain('127.0.0.1')
    for (const secret of ['hunter2', ADMIN_PASSWORD]) expect(text).not.toContain(secret)
  })
})
