/** A network that goes dead without a word: nothing arrives any more, and no end of a connection is told. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server, type Socket } from 'socket.io'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { SpacesClient } from '@websocket-spaces/client'
import { APP_EVENTS, type RequestView, TIMING } from '@websocket-spaces/protocol'
import { runEchoApp, startEchoApp } from '../harness/echo-app-process.ts'
import { eventually } from '../harness/eventually.ts'
import { type HubProcess, startHubProcess } from '../harness/hub-process.ts'
import { type Line, startLine } from '../harness/line.ts'
import { makeSpace, type OwnedSpace, signInAdmin } from '../harness/people.ts'

const stack = new AsyncDisposableStack()
let hub: HubProcess
let network: Line
let admin: SpacesClient
let owned: OwnedSpace

beforeAll(async () => {
  hub = stack.use(await startHubProcess())
  network = stack.use(await startLine([hub.url]))
  admin = await signInAdmin(hub.url)
})
beforeEach(async () => {
  owned = await makeSpace(admin)
})
afterAll(() => stack.disposeAsync())

function finished(id: string): Promise<RequestView> {
  return eventually(
    () => admin.getRequest(id),
    (view) => view.finished_at !== null,
  )
}

test('A21 the app notices before its leases end, dials again, and goes on in the same attempt', async () => {
  await using app = await startEchoApp(network.url, owned)
  const { id } = await admin.submit(owned.reference, { prompt: 'hold the line' })
  await app.line(new RegExp(`^started ${id}`))
  network.freeze('swallow', ['up', 'down'])
  await app.line(/^disconnected/)
  network.clear()
  await eventually(
    () => app.lines.filter((line) => line === 'registered').length,
    (count) => count === 2,
  )
  app.write('go\n')
  expect(await finished(id)).toMatchObject({ status: 'completed', attempts: 1, attempt_history: [{ attempt: 1, ending: 'completed' }] })
  expect(app.lines.filter((line) => line.startsWith('started'))).toHaveLength(1)
})

test('A21 an app that was held up itself does not blame the hub', async () => {
  await using app = await startEchoApp(network.url, owned)
  const { id } = await admin.submit(owned.reference, { prompt: 'hold still' })
  await app.line(new RegExp(`^started ${id}`))
  for (const longer of [1_500, 4_000]) {
    app.kill('SIGSTOP')
    await sleep(TIMING.hubSilence + longer)
    app.kill('SIGCONT')
    await sleep(TIMING.heartbeatEvery)
  }
  app.write('go\n')
  expect(await finished(id)).toMatchObject({ status: 'completed', attempts: 1 })
  expect(app.lines).not.toContain('disconnected')
})

test('an app that is told to leave over a dead line ends', async () => {
  await using app = await startEchoApp(network.url, owned)
  network.freeze('hold', ['up', 'down'])
  app.kill('SIGINT')
  expect(await app.exit()).toBe(0)
  network.clear()
})

test('an app that is told to leave while a hub does not answer its registration ends', async () => {
  const http = createServer().listen(0, '127.0.0.1')
  await once(http, 'listening')
  const mute = new Server(http, { serveClient: false })
  const asked = Promise.withResolvers<void>()
  mute.on('connection', (socket: Socket) => socket.once(APP_EVENTS.register, () => asked.resolve()))
  const { port } = http.address() as AddressInfo
  // Less than it may take to register.
  await using app = runEchoApp(`http://127.0.0.1:${port}`, owned, { patience: 8_000 })
  await asked.promise
  app.kill('SIGINT')
  expect(await app.exit()).toBe(0)
  await mute.close()
})
