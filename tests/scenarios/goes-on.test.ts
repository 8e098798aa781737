/** What an app runs goes on over a lost connection or a killed hub: one attempt, and every character of its output once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RequestHandler, type ServedSpace, type ServeEvent, serveSpace, SpacesClient } from '@websocket-spaces/client'
import type { FollowItem } from '@websocket-spaces/protocol'
import { type Line, startLine } from '../harness/line.ts'
import { eventually } from '../harness/eventually.ts'
import { type HubProcess, startHubProcess } from '../harness/hub-process.ts'
import { makeSpace, type OwnedSpace, signInAdmin } from '../harness/people.ts'

const stack = new AsyncDisposableStack()
let hub: HubProcess
let network: Line
let user: SpacesClient
let owned: OwnedSpace

beforeAll(async () => {
  hub = stack.use(await startHubProcess())
  network = stack.use(await startLine([hub.url]))
  const admin = await signInAdmin(hub.url)
  user = new SpacesClient({ host: hub.url, apiKey: (await admin.createKey('goes on')).token })
  owned = await makeSpace(admin)
})
afterAll(() => stack.disposeAsync())

const PIECES = Array.from({ length: 150 }, (_, index) => `${index} 词😀 `)
const TEXT = PIECES.join('')

interface StartedApp extends AsyncDisposable {
  readonly served: ServedSpace
  readonly events: ServeEvent[]
}

/** An app behind the network that can be cut. */
async function startApp(onRequest: RequestHandler, instance = 'streamer'): Promise<StartedApp> {
  const events: ServeEvent[] = []
  const onEvent = (event: ServeEvent) => void events.push(event)
  const served = serveSpace({ host: network.url, space: owned.reference, token: owned.token, instance, onRequest, onEvent })
  await served.registered
  return { served, events, [Symbol.asyncDispose]: () => served.close() }
}

/** Speaks for some three seconds, and says how far it is; the last third only when `mayEnd`. */
function streamer(said: { pieces: number }, mayEnd: Promise<void> = Promise.resolve()): RequestHandler {
  return async (_, run) => {
    for (const piece of PIECES) {
      if (said.pieces === 100) await mayEnd
      run.output(piece)
      said.pieces += 1
      if (said.pieces % 30 === 0) run.progress(said.pieces / PIECES.length)
      await sleep(20, undefined, { signal: run.signal })
    }
    return { text_output: TEXT }
  }
}

async function collect(items: AsyncIterable<FollowItem>): Promise<FollowItem[]> {
  const all: FollowItem[] = []
  for await (const item of items) all.push(item)
  return all
}

function expectSaidOnce(items: readonly FollowItem[]): void {
  const events = items.flatMap((item) => ('seq' in item ? [item] : []))
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
  expect(events.flatMap((event) => (event.type === 'output' ? [event.text] : [])).join('')).toBe(TEXT)
  expect(events.flatMap((event) => (event.type === 'status' ? [event.status] : []))).toEqual(['queued', 'processing'])
  expect(events.at(-1)).toMatchObject({ type: 'result', outcome: { status: 'completed', result: { text_output: TEXT } } })
}

function count(events: readonly ServeEvent[], type: ServeEvent['type']): number {
  return events.filter((event) => event.type === type).length
}

test('L8 cut off in the middle of a stream, twice, it loses and doubles nothing and is not run again', async () => {
  const said = { pieces: 0 }
  await using app = await startApp(streamer(said))
  const { id } = await user.submit(owned.reference, { prompt: 'speak' })
  const followed = collect(user.follow(id))
  for (const at of [40, 100]) {
    await eventually(
      () => said.pieces,
      (pieces) => pieces >= at,
    )
    network.cut()
  }
  expectSaidOnce(await followed)
  expect(await user.getRequest(id)).toMatchObject({
    attempts: 1,
    instance: 'streamer',
    attempt_history: [{ attempt: 1, ending: 'completed' }],
  })
  expect(count(app.events, 'started')).toBe(1)
  expect(count(app.events, 'resumed')).toBe(2)
})

test('L8 the same when the hub is killed and started again', { timeout: 90_000 }, async () => {
  const said = { pieces: 0 }
  const { promise: back, resolve: comeBack } = Promise.withResolvers<void>()
  await using app = await startApp(streamer(said, back))
  const { id } = await user.submit(owned.reference, { prompt: 'speak' })
  const followed = collect(user.follow(id))
  await eventually(
    () => said.pieces,
    (pieces) => pieces >= 40,
  )
  await hub.kill()
  await hub.start()
  await eventually(
    () => count(app.events, 'resumed'),
    (resumed) => resumed === 1,
  )
  comeBack()
  expectSaidOnce(await followed)
  expect(await user.getRequest(id)).toMatchObject({ attempts: 1, attempt_history: [{ attempt: 1, ending: 'completed' }] })
  expect(count(app.events, 'started')).toBe(1)
})

test('what ends while the hub is away is handed in, last words first', { timeout: 90_000 }, async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  await using app = await startApp(async (_, run) => {
    run.output('first, ')
    await released
    run.output('and last')
    return { text_output: 'first, and last' }
  })
  const { id } = await user.submit(owned.reference, { prompt: 'speak' })
  const followed = collect(user.follow(id))
  await eventually(
    () => count(app.events, 'started'),
    (started) => started === 1,
  )
  await hub.kill()
  await eventually(
    () => count(app.events, 'disconnected'),
    (lost) => lost === 1,
  )
  release()
  await hub.start()
  const texts = (await followed).flatMap((item) => (item.type === 'output' ? [item.text] : []))
  expect(texts.join('')).toBe('first, and last')
  expect(await user.getRequest(id)).toMatchObject({ status: 'completed', attempts: 1, result: { text_output: 'first, and last' } })
})

test('A16 canceled with proof: canceling until the handler has ended, also over a cut connection', async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  await using app = await startApp(async (_, { signal }) => {
    await ended
    signal.throwIfAborted()
    return {}
  })
  const { id } = await user.submit(owned.reference, { prompt: 'never mind' })
  await eventually(
    () => count(app.events, 'started'),
    (started) => started === 1,
  )
  await user.cancel(id)
  await eventually(
    () => count(app.events, 'stopped'),
    (stopped) => stopped === 1,
  )
  expect(await user.getRequest(id)).toMatchObject({ status: 'canceling', finished_at: null })
  network.cut()
  await eventually(
    () => count(app.events, 'registered'),
    (registered) => registered === 2,
  )
  expect(await user.getRequest(id)).toMatchObject({ status: 'canceling', finished_at: null })
  end()
  const view = await eventually(
    () => user.getRequest(id),
    ({ finished_at }) => finished_at !== null,
  )
  expect(view).toMatchObject({ status: 'canceled', attempts: 1, attempt_history: [{ ending: 'canceled' }] })
})

test('an app that drains is given nothing more, finishes, and leaves; one that leaves at once gives back at once', async () => {
  const releases: (() => void)[] = []
  const hold: RequestHandler = async (request) => {
    await new Promise<void>((resolve) => releases.push(resolve))
    return { text_output: request.prompt }
  }
  await using first = await startApp(hold, 'first')
  const { id } = await user.submit(owned.reference, { prompt: 'held' })
  await eventually(
    () => releases.length,
    (started) => started === 1,
  )
  const left = first.served.close({ drain: true })
  await eventually(
    async () => (await user.getSpace(owned.reference)).status.connected,
    (connected) => !connected,
  )
  await using second = await startApp(hold, 'second')
  const other = await user.submit(owned.reference, { prompt: 'for the second' })
  await eventually(
    () => releases.length,
    (started) => started === 2,
  )
  releases[0]?.()
  await left
  expect(await user.getRequest(id)).toMatchObject({ status: 'completed', instance: 'first', attempts: 1 })

  await second.served.close()
  await using third = await startApp(hold, 'third')
  await eventually(
    () => releases.length,
    (started) => started === 3,
  )
  releases[2]?.()
  const view = await eventually(
    () => user.getRequest(other.id),
    ({ finished_at }) => finished_at !== null,
  )
  expect(view).toMatchObject({ status: 'completed', instance: 'third', attempts: 2 })
  expect(view.attempt_history.map(({ ending }) => ending)).toEqual(['app_lost', 'completed'])
  expect(count(third.events, 'started')).toBe(1)
})
