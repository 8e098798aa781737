/** Peers that talk and do not listen. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { APP_EVENTS, LIMITS, LIVE_CALLS } from '@websocket-spaces/protocol'
import { type Person, startHub, type TestHub } from '../support/hub.ts'
import { connectLive, serve, type TestSocket } from '../support/sockets.ts'

let hub: TestHub
let alice: Person
beforeAll(async () => {
  hub = await startHub()
  alice = await hub.signUp()
})
afterAll(async () => {
  await hub[Symbol.asyncDispose]()
  expect(hub.errors).toEqual([])
})

interface Deaf extends Disposable {
  readonly listen: () => void
}

/** From now on it reads nothing, but answers pings that it has not heard. */
function deafen({ socket }: TestSocket): Deaf {
  const { ws } = socket.io.engine.transport as unknown as { ws: { _socket: { pause(): void; resume(): void }; send(text: string): void } }
  ws._socket.pause()
  const pongs = setInterval(() => ws.send('3'), 500)
  return { listen: () => ws._socket.resume(), [Symbol.dispose]: () => clearInterval(pongs) }
}

/** Goes on until the hub says that it closes somebody. */
async function flood(saying: string, send: () => void): Promise<void> {
  for (let times = 0; !hub.warnings.some((line) => line.includes(saying)); times += 1) {
    if (times === 600) throw new Error('the hub keeps all of it')
    send()
    await sleep(50)
  }
}

test('an app that renews leases which are not its own, and does not listen, is closed; it may come back for what it runs', async () => {
  const own = await alice.makeSpace()
  using app = await serve(hub.url, own, { resume: [], instance_id: 'deaf', concurrency: 1, prefetch: 0 })
  const { id } = await alice.submit(own)
  const { lease_id } = await app.request()
  using deaf = deafen(app)
  const leases = Array.from({ length: LIMITS.leasesPerMessage }, (_, index) => ({ request_id: `not-mine-${index}`, lease_id: 'none' }))
  await flood('closing an app', () => app.socket.emit(APP_EVENTS.renew, { leases: [...leases.slice(1), { request_id: id, lease_id }] }))
  deaf.listen()
  await app.gone()
  using back = await serve(hub.url, own, { resume: [{ request_id: id, lease_id }], instance_id: 'deaf', concurrency: 1, prefetch: 0 })
  expect(await back.report(APP_EVENTS.inferenceResult, { request_id: id, status: 'completed', result: {} })).toEqual({ ok: true })
  expect(await alice.view(id)).toMatchObject({ status: 'completed', attempts: 1 })
})

test('an app that reads slowly is not closed, but handed no more until it has caught up', async () => {
  const own = await alice.makeSpace({ max_queue: 100 })
  using app = await serve(hub.url, own)
  const deaf = deafen(app)
  const prompt = 'x'.repeat(LIMITS.promptChars)
  const ids: string[] = []
  for (let count = 0; count < 40; count += 1) ids.push((await alice.submit(own, prompt)).id)
  const { json } = await hub.admin.call('GET', '/api/v1/admin/connections')
  const { connections } = json as { connections: { space_id: string; holding: number }[] }
  expect(connections.find(({ space_id }) => space_id === own.space.id)?.holding).toBeLessThan(30)
  deaf[Symbol.dispose]()
  deaf.listen()
  await app.request(40)
  expect(app.all(APP_EVENTS.inferenceRequest).map((sent) => (sent as { request_id: string }).request_id)).toEqual(ids)
  expect(app.closed()).toBeNull()
})

test('a page that asks and does not listen is closed', async () => {
  const own = await alice.makeSpace()
  await using apps = new AsyncDisposableStack()
  // Each stands in every answer.
  for (let count = 0; count < 60; count += 1) apps.use(await serve(hub.url, own))
  using live = await connectLive(hub.url, hub.admin)
  using deaf = deafen(live)
  await flood('closing a live socket', () => {
    for (let count = 0; count < 50; count += 1) live.socket.emit(LIVE_CALLS.watchConnections, {})
  })
  deaf.listen()
  await live.gone()
})

test('the name of a field that is wrong is not repeated at any length', async () => {
  const own = await alice.makeSpace()
  using app = await serve(hub.url, own)
  const result = { ['k'.repeat(1_000_000)]: Buffer.from('bytes') }
  const answer = await app.report(APP_EVENTS.inferenceResult, { request_id: 'x', status: 'completed', result })
  expect(answer).toMatchObject({ ok: false, error: { code: 'invalid_input' } })
  expect(JSON.stringify(answer).length).toBeLessThan(1_000)
})

test('a page that takes leave is closed: over one connection it could come and go, and what counts its packets would stay', async () => {
  using live = await connectLive(hub.url, alice)
  // Socket.IO's packet that leaves the namespace, and not the connection.
  live.socket.io.engine.write('1')
  expect(await live.gone()).toBe('transport close')
})
