/** What happens to a result while the way to PostgreSQL is broken: it is stored once, and its app is told so. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { APP_EVENTS } from '@websocket-spaces/protocol'
import { startHub } from '../../packages/hub/test/support/hub.ts'
import { type PostgresServer, startPostgres } from '../../packages/hub/test/support/postgres-server.ts'
import { serve } from '../../packages/hub/test/support/sockets.ts'
import { eventually } from '../harness/eventually.ts'
import { startLine } from '../harness/line.ts'

const MARKER = 'the very result'
const RESULT = { status: 'completed', result: { text_output: MARKER } }

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres[Symbol.asyncDispose]())

/** The same database by another way. */
function through(address: string, { port }: { readonly port: number | string }): string {
  return Object.assign(new URL(address), { port: String(port) }).href
}

interface Breaking extends AsyncDisposable {
  readonly port: number
  /** Commits made whose answer was lost. */
  readonly lost: () => number
}

/** A way to PostgreSQL that breaks when the commit of what holds {@link MARKER} is answered, before the answer has passed. */
async function startBreaking(to: URL): Promise<Breaking> {
  const sockets = new Set<Socket>()
  let lost = 0
  const server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname)
    const cut = (): void => [client, upstream].forEach((either) => either.destroy())
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined).once('close', cut))
    let isMarked = false
    client.on('data', (bytes) => {
      isMarked ||= bytes.includes(MARKER)
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (!isMarked || !bytes.includes('COMMIT\0')) return client.write(bytes)
      lost += 1
      cut()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    lost: () => lost,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

test(
  'a result whose commit was made but not answered is acknowledged, and the app gets its next request',
  { timeout: 120_000 },
  async () => {
    const address = await postgres.createDatabase()
    await using way = await startBreaking(new URL(address))
    await using hub = await startHub({ DATABASE_URL: through(address, way) })
    const alice = await hub.signUp()
    const own = await alice.makeSpace()
    using app = await serve(hub.url, own, { concurrency: 1 })
    const [first, second] = [await alice.submit(own), await alice.submit(own)]
    await app.request()
    expect(await app.report(APP_EVENTS.inferenceResult, { request_id: first.id, ...RESULT })).toEqual({ ok: true })
    expect(way.lost()).toBe(1)
    expect(await alice.view(first.id)).toMatchObject({ status: 'completed', result: RESULT.result })
    expect(await app.request(2)).toMatchObject({ request_id: second.id })
    expect(app.all(APP_EVENTS.reportRefused)).toEqual([])
  },
)

test(
  'a database that does not answer at all is given up after some seconds, and a result outlasts that',
  { timeout: 180_000 },
  async () => {
    const address = await postgres.createDatabase()
    await using line = await startLine([address])
    await using hub = await startHub({ DATABASE_URL: through(address, new URL(line.url)) })
    const alice = await hub.signUp()
    const own = await alice.makeSpace()
    using app = await serve(hub.url, own, { concurrency: 1 })
    const { id } = await alice.submit(own)
    await app.request()
    line.freeze('swallow', ['up', 'down'])
    const said = app.report(APP_EVENTS.inferenceResult, { request_id: id, ...RESULT })
    expect((await alice.call('GET', own.path)).status).toBe(503)
    line.clear()
    expect(await said).toEqual({ ok: true })
    await eventually(
      () => alice.call('GET', own.path),
      ({ status }) => status === 200,
      60_000,
    )
    expect(await alice.view(id)).toMatchObject({ status: 'completed', attempts: 1 })
  },
)
