/** A hub starts, stops and refuses to start in an orderly way. */
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { serveSpace } from '@websocket-spaces/client'
import { io } from 'socket.io-client'
import { describe, expect, test } from 'vitest'
import { LIVE_PATH } from '@websocket-spaces/protocol'
import { startChild } from '../harness/child.ts'
import { startEchoApp } from '../harness/echo-app-process.ts'
import { startHubProcess } from '../harness/hub-process.ts'
import { expectNoLeak, startLocalHub } from '../harness/hub-in-process.ts'
import { makeSpace, signInAdmin } from '../harness/people.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts')

describe('a hub that stops', () => {
  test('leaves no timer, socket or server behind, whatever was connected', async () => {
    await expectNoLeak(async () => {
      await using local = await startLocalHub()
      const admin = await signInAdmin(local.url)
      const owned = await makeSpace(admin)
      await using app = serveSpace({
        host: local.url,
        space: owned.reference,
        token: owned.token,
        retry: false,
        onRequest: () => ({ text_output: 'done' }),
      })
      await app.registered
      const live = io(local.url, {
        path: LIVE_PATH,
        forceNew: true,
        reconnection: false,
        extraHeaders: { cookie: admin.sessionCookie ?? '' },
      })
      const { promise: connected, resolve, reject } = Promise.withResolvers<void>()
      live.once('connect', resolve).once('connect_error', reject)
      await connected
      const view = await admin.submit(owned.reference, { prompt: 'hello' }, { waitSeconds: 20 })
      expect(view).toMatchObject({ status: 'completed', result: { text_output: 'done' } })
      for await (const item of admin.follow(view.id)) if (item.type === 'result') break
      const gone = new Promise((done) => live.once('disconnect', done))
      await local.hub.close()
      await gone
      await app.ended.catch(() => undefined)
    })
  })

  test('takes SIGTERM as a request to finish: apps are told, it ends with 0, nothing is lost', async () => {
    await using hub = await startHubProcess()
    const admin = await signInAdmin(hub.url)
    const owned = await makeSpace(admin)
    await using app = await startEchoApp(hub.url, owned)
    const { id } = await admin.submit(owned.reference, { prompt: 'hold over the restart' })
    await app.line(new RegExp(`^started ${id}`))
    hub.child.kill('SIGTERM')
    expect(await hub.child.exit()).toBe(0)
    await app.line(/^disconnected/)
    const lines = app.lines.length
    await hub.start()
    await app.line(/^registered/, lines)
    app.write('go\n')
    const again = await signInAdmin(hub.url)
    for await (const item of again.follow(id)) if (item.type === 'result') break
    expect(await again.getRequest(id)).toMatchObject({ status: 'completed', result: { text_output: 'hold over the restart' } })
  })
})

describe('a hub that cannot start says why, in a sentence, and ends with 1', () => {
  test('the port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    expect(await failure({ PORT: String(port) })).toContain(`Port ${port} is in use`)
    expect(await failure({ PORT: String(port), LANG: 'zh_CN.UTF-8' })).toContain(`端口 ${port} 已被占用`)
    server.close()
  })

  test('the data directory cannot be one', async () => {
    await using folder = await makeTempDir()
    const file = join(folder.path, 'a-file')
    await writeFile(file, '')
    expect(await failure({ DATA_DIR: join(file, 'data') })).toContain('Cannot write to the data directory')
  })

  test('another hub uses the data directory', async () => {
    await using hub = await startHubProcess()
    expect(await failure({ DATA_DIR: hub.dataDir })).toContain('Another hub is using the data directory')
  })

  test('the database is no database, or a newer one', async () => {
    await using folder = await makeTempDir()
    const { database, name } = await databaseOf(folder.path)
    database.exec("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-from-the-future', '2999-01-01T00:00:00.000Z')")
    database.close()
    expect(await failure({ DATA_DIR: folder.path })).toContain('newer version')

    const damaged = join(folder.path, 'damaged')
    await mkdir(damaged)
    await writeFile(join(damaged, name), 'this is no database, although it is long enough to be looked at as one'.repeat(100))
    expect(await failure({ DATA_DIR: damaged })).toContain('is not a database')
  })

  test('a setting is wrong', async () => {
    expect(await failure({ PORT: 'eighty' })).toContain('PORT')
    expect(await failure({ ADMIN_PASSWORD: 'short' })).toContain('ADMIN_PASSWORD')
  })
})

/** Lets a hub make its database in `path`, and opens it. */
async function databaseOf(path: string): Promise<{ database: DatabaseSync; name: string }> {
  const { createHub, loadConfig } = await import('@websocket-spaces/hub')
  const hub = await createHub(loadConfig({ HOST: '127.0.0.1', PORT: '0', DATA_DIR: path, LOG_LEVEL: 'silent' }))
  await hub.close()
  const name = 'hub.sqlite'
  return { database: new DatabaseSync(join(path, name)), name }
}

/** What a hub that cannot start prints. */
async function failure(env: Readonly<Record<string, string>>): Promise<string> {
  await using data = await makeTempDir()
  const settings = { HOST: '127.0.0.1', PORT: '0', DATA_DIR: data.path, LANG: 'C', LC_ALL: '' }
  await using child = startChild(process.execPath, [MAIN, 'serve'], { env: { ...settings, ...env } })
  expect(await child.exit(), child.lines.join('\n')).toBe(1)
  const text = child.lines.join('\n')
  expect(text).not.toMatch(/^\s+at .+:\d+/m)
  return text
}
