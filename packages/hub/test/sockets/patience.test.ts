/** What takes its time, all at once: silence and time limits. */
import { connect as connectTcp } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LIVE_EVENTS } from '@websocket-spaces/protocol'
import { eventually } from '../support/eventually.ts'
import { type Person, startHub, type TestHub } from '../support/hub.ts'
import { type AppSocket, connectApp, connectLive, serve } from '../support/sockets.ts'

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

function isDisconnected(status: unknown): boolean {
  return !(status as { connected: boolean }).connected
}

/** Stops reading and writing, as a frozen machine would; returns how to go on. */
function freeze({ socket }: AppSocket): () => void {
  const transport = socket.io.engine.transport as unknown as { ws: { _socket?: { pause(): void; resume(): void } } }
  const tcp = transport.ws._socket
  if (tcp === undefined) throw new Error('this transport cannot be frozen')
  tcp.pause()
  return () => tcp.resume()
}

async function shows(path: string, connected: boolean): Promise<void> {
  await eventually(
    async () => ((await alice.call('GET', path)).json as { status: { connected: boolean } }).status.connected,
    (answer) => answer === connected,
  )
}

describe.concurrent('with patience', () => {
  test('who does not register in time is told and closed', async () => {
    using app = await connectApp(hub.url)
    expect(await app.goodbye()).toMatchObject({ code: 'register_timeout', reconnect: true })
    await app.gone()
  })

  test('an app that falls silent is shown as not connected, on page and API, and comes back with what it had', async () => {
    const own = await alice.makeSpace()
    using app = await serve(hub.url, own, { concurrency: 1, prefetch: 0 })
    using live = await connectLive(hub.url, alice)
    expect(await live.call('watch_space', { space_id: own.space.id })).toMatchObject({
      ok: true,
      spaces: [{ connected: true, replicas: 1 }],
    })
    const { id } = await alice.submit(own)
    await app.request()
    const thaw = freeze(app)
    await shows(own.path, false)
    const statuses = (): unknown[] => live.all(LIVE_EVENTS.spaceStatus)
    await eventually(statuses, (all) => all.some(isDisconnected))
    expect(await alice.view(id)).toMatchObject({ status: 'processing', attempts: 1 })
    const told = statuses().length
    thaw()
    await shows(own.path, true)
    await eventually(statuses, (all) => all.slice(told).some((status) => (status as { connected: boolean }).connected))
    expect(await app.report('inference_result', { request_id: id, status: 'completed', result: {} })).toEqual({ ok: true })
    expect(await alice.view(id)).toMatchObject({ status: 'completed', attempts: 1 })
  })

  test('an app that answers its heartbeat by polling stays connected', async () => {
    const own = await alice.makeSpace()
    using app = await connectApp(hub.url, { transports: ['polling'], auth: { token: own.token } })
    await app.register({ space_name: own.space.name })
    using live = await connectLive(hub.url, alice)
    await live.call('watch_space', { space_id: own.space.id })
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    expect(live.all(LIVE_EVENTS.spaceStatus).filter(isDisconnected)).toEqual([])
  })

  test('a hub stops although a peer does not answer any more', async () => {
    await using own = await startHub()
    const { port } = new URL(own.url)
    const tcp = connectTcp(Number(port), '127.0.0.1')
    tcp.on('error', () => undefined)
    const key = Buffer.from('a key of 16 byte').toString('base64')
    tcp.write(
      `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    )
    const opened = await new Promise<string>((resolve) => {
      tcp.once('data', (data) => resolve(String(data)))
    })
    expect(opened).toContain('101 Switching Protocols')
    tcp.pause()
    const stopped = await Promise.race([own.hub.close().then(() => true), new Promise((resolve) => setTimeout(resolve, 10_000, false))])
    tcp.destroy()
    expect(stopped).toBe(true)
  })
})
