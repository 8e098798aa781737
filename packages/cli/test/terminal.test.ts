/** The commands as people type them, in processes of their own, against a real hub. */
import { SpacesClient } from '@websocket-spaces/client'
import { requestView, shortId } from '@websocket-spaces/protocol'
import { spawn } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ADMIN_PASSWORD, realHub, type RealHub } from './real-hub.ts'

let hub: RealHub
beforeAll(async () => {
  hub = await realHub()
})
afterAll(() => hub[Symbol.asyncDispose]())

async function setUp(): Promise<string> {
  const name = `TestSpace_${crypto.randomUUID().slice(0, 8)}`
  const command = hub.run(['setup-space', '--host', hub.url, '--name', name])
  expect(await command.exit()).toBe(0)
  expect(command.lines).toEqual([
    'Creating test WebSocket space...',
    `Host: ${hub.url}`,
    'Admin User: admin',
    '',
    `✓ Space created: ${name}`,
    '',
    'Now run the mock app with:',
    `  npm run mock-app -- --host ${hub.url} --spaces "${name}"`,
  ])
  return name
}

async function mockApp(name: string, ...more: readonly string[]) {
  const app = hub.run(['mock-app', '--host', hub.url, '--spaces', name, '--verbose', ...more])
  await app.line(/\[INFO\] Request processor started$/)
  return app
}

function clientOf({ url }: RealHub): SpacesClient {
  return new SpacesClient({ host: url })
}

/** Environment of someone who is signed in. */
async function signedIn(): Promise<Readonly<Record<string, string>>> {
  const admin = await hub.admin()
  const { token } = await admin.createKey('test')
  return { SPACES_API_KEY: token }
}

test('a forgotten password is replaced while the hub is stopped, and not while it runs', async () => {
  const reset = (username: string) => hub.run(['reset-password', username], { DATA_DIR: join(hub.home, 'data') })
  await clientOf(hub).signUp('Forgetful', 'the-old-password')
  const refused = reset('forgetful')
  expect(await refused.exit()).toBe(1)
  await hub.stop()
  const command = reset('forgetful')
  expect(await command.exit()).toBe(0)
  const unknown = reset('nobody')
  expect(await unknown.exit()).toBe(1)
  await hub.start()
  const client = clientOf(hub)
  await expect(client.signIn('forgetful', 'the-old-password')).rejects.toMatchObject({ code: 'invalid_credentials' })
  await client.signIn('forgetful', command.lines[1]?.trim() ?? '')
})

test('setup-space, mock-app and submit work as printed, one after the other', async () => {
  const name = await setUp()
  const kept = join(hub.home, 'config', 'websocket-spaces', 'connect-tokens')
  for (const file of await readdir(kept)) expect((await stat(join(kept, file))).mode & 0o777).toBe(0o600)
  const app = await mockApp(name, '--duration', '0.4')
  const submit = hub.run(['submit', name, '写一首关于Python的诗', '--host', hub.url, '--json'], await signedIn())
  expect(await submit.exit()).toBe(0)
  const request = requestView.parse(JSON.parse(submit.lines.at(-1) ?? ''))
  expect(request).toMatchObject({ status: 'completed', result: { confidence: 0.95, model_used: 'mock-model-v1' } })
  const short = shortId(request.id)
  await app.line(/\[RESULT\]/)
  const stamped = app.lines.slice(8).map((line) => line.replace(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] /, ''))
  expect(stamped.slice(6)).toEqual([
    '[REQUEST] New inference request received',
    `[DEBUG] Request ID: ${request.id}`,
    '[DEBUG] Username: admin',
    '[INFO] Queue size: 1',
    `[INFO] Starting inference for request ${short}...`,
    '[DEBUG] Progress: 25%',
    '[DEBUG] Progress: 50%',
    '[DEBUG] Progress: 75%',
    expect.stringMatching(new RegExp(`^\\[✓\\] Inference completed for request ${short} in \\d\\.\\ds$`)),
    `[RESULT] Result sent for request ${short}`,
  ])
  expect(await app.interrupt()).toBe(0)
})

test("a canceled submit stops the app's work", async () => {
  const name = await setUp()
  const app = await mockApp(name, '--duration', '60')
  const submit = hub.run(['submit', name, 'never mind', '--host', hub.url], await signedIn())
  await app.line(/Starting inference/)
  expect(await submit.interrupt()).toBe(1)
  expect(submit.lines.at(-1)).toMatch(/was canceled/)
  await app.line(/was canceled and is stopped/)
})

test('Ctrl+C finishes what the mock app runs and says so; again, it leaves at once and the request waits for another', async () => {
  const name = await setUp()
  const admin = await hub.admin()
  const first = await mockApp(name, '--duration', '2')
  const kept = await admin.submit(`admin/${name}`, { prompt: 'finish this' })
  await first.line(/Starting inference/)
  expect(await first.interrupt()).toBe(0)
  expect(first.lines.filter((line) => /Finishing what is running \(1\); Ctrl\+C again leaves at once/.test(line))).toHaveLength(1)
  expect(await admin.getRequest(kept.id)).toMatchObject({ status: 'completed', attempts: 1 })

  const second = await mockApp(name, '--duration', '60')
  const left = await admin.submit(`admin/${name}`, { prompt: 'leave this' })
  await second.line(/Starting inference/)
  const ended = second.interrupt()
  await second.line(/Finishing what is running/)
  // So soon, a second signal counts as npm's copy of the first.
  await sleep(1_100)
  expect(await second.interrupt()).toBe(0)
  await ended
  await expect.poll(async () => (await admin.getRequest(left.id)).status).toBe('queued')
  await admin.cancel(left.id)
})

test('the mock app comes back by itself when the hub was away, and hands in what it finished meanwhile', async () => {
  await using own = await realHub()
  const admin = await own.admin()
  await admin.createSpace({ name: 'Away' })
  const { token } = await admin.createConnectToken('test', 'admin/Away')
  const app = own.run(['mock-app', '--host', own.url, '--spaces', 'Away', '--duration', '1'], { WSS_TOKEN: token })
  await app.line(/Registration successful!/)
  const { id } = await admin.submit('admin/Away', { prompt: 'hold on' })
  await app.line(/Starting inference/)
  await own.stop()
  await own.start()
  await app.line(/Registration successful!/, app.lines.findIndex((line) => line.includes('Registration successful!')) + 1)
  const back = await own.admin()
  await expect.poll(async () => (await back.getRequest(id)).status, { timeout: 20_000 }).toBe('completed')
})

describe('what is refused', () => {
  test('a name two owners have, exactly as printed; the full name works', async () => {
    const name = await setUp()
    const admin = await hub.admin()
    const bob = new SpacesClient({ host: hub.url })
    await bob.signUp('bob', 'bobs-password')
    await bob.createSpace({ name })
    const refused = hub.run(['mock-app', '--host', hub.url, '--spaces', name], { LANG: 'zh_CN.UTF-8' })
    expect(await refused.exit()).toBe(1)
    const at = refused.lines.indexOf(`✗ Registration failed: Multiple spaces with name "${name}" found. `)
    expect(refused.lines[at + 1]).toBe('  Please use unique space names.')
    await mockApp(`admin/${name}`)
    expect((await admin.getSpace(`admin/${name}`)).status.connected).toBe(true)
  })

  test('setup-space with a wrong password says how to pass credentials', async () => {
    const command = hub.run(['setup-space', '--host', hub.url, '--admin-pass', 'not-the-password'])
    expect(await command.exit()).toBe(1)
    expect(command.lines.join('\n')).toMatch(/wrong username or password[\s\S]*--admin-user and --admin-pass/)
  })

  test('setup-space twice with one name', async () => {
    const name = await setUp()
    const command = hub.run(['setup-space', '--host', hub.url, '--name', name], { LANG: 'zh_CN.UTF-8' })
    expect(await command.exit()).toBe(1)
    expect(command.lines.at(-1)).toBe(`✗ 您已有名为“${name}”的空间，请换一个名称。`)
  })

  test('submit with no app connected', async () => {
    const name = await setUp()
    const command = hub.run(['submit', name, 'x', '--host', hub.url], { LANG: 'zh_CN.UTF-8', ...(await signedIn()) })
    expect(await command.exit()).toBe(1)
    expect(command.lines[0]).toBe('✗ 远程应用未连接')
  })
})

describe('serve', () => {
  test('says where it runs and how to sign in, the password on the first start only; stops on Ctrl+C', async () => {
    const settings = { DATA_DIR: join(hub.home, 'fresh'), PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'silent', ADMIN_PASSWORD: '' }
    const first = hub.run(['serve'], settings)
    expect(await first.line(/Running on/)).toMatch(/^ \* Running on http:\/\/127\.0\.0\.1:\d+$/)
    await first.line(/admin-password\.txt$/)
    expect(first.lines.join('\n')).toMatch(/Username +admin\n +Password +\S+/)
    expect(await first.interrupt()).toBe(0)

    const second = hub.run(['serve'], settings)
    expect(await second.line(/Password/)).toMatch(/^ {2}Password +kept in .*admin-password\.txt$/)
    expect(await second.interrupt()).toBe(0)
  })

  test('a taken port is told in one sentence, status 1', async () => {
    const port = new URL(hub.url).port
    const command = hub.run(['serve', '--host', '127.0.0.1', '--port', port, '--data-dir', join(hub.home, 'other')], {
      LOG_LEVEL: 'silent',
    })
    expect(await command.exit()).toBe(1)
    expect(command.lines).toHaveLength(1)
    expect(command.lines[0]).toMatch(new RegExp(`^✗ .*${port}`))
  })
})

test('login keeps a key, never the password, and logout revokes it', async () => {
  const main = join(import.meta.dirname, '../src/main.ts')
  const env = { ...process.env, HOME: hub.home, XDG_CONFIG_HOME: join(hub.home, 'login'), LANG: 'C', SPACES_API_KEY: '' }
  const child = spawn(process.execPath, [main, 'login', '--host', hub.url, '-u', 'admin', '--password-stdin'], { env })
  child.stdin.end(`${ADMIN_PASSWORD}\n`)
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
  const admin = await hub.admin()
  const before = (await admin.listKeys()).length
  const logout = hub.run(['logout', '--host', hub.url], { XDG_CONFIG_HOME: join(hub.home, 'login') })
  expect(await logout.exit()).toBe(0)
  expect((await admin.listKeys()).length).toBe(before - 1)
})
