import { expect, test } from 'vitest'
import { DEFAULTS } from '@websocket-spaces/protocol'
import type { Claim } from '../../src/requests/ports.ts'
import { recover } from '../../src/requests/recover.ts'
import { createRequestStore } from '../../src/store/requests/index.ts'
import { newClaim, newRequestId } from '../support/material.ts'
import { eventually } from '../support/eventually.ts'
import { type FlowStage, GRACE, setStage, type TestApp } from '../support/flow-stage.ts'

async function sentTo(app: TestApp, count: number): Promise<TestApp['sent']> {
  return eventually(
    () => app.sent,
    (sent) => sent.length === count,
  )
}

test('an app that declares no capacity is sent everything at once, in order, and runs one at a time', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const ids = [await stage.submit('一'), await stage.submit('2'), await stage.submit('3')]
  const sent = await sentTo(app, 3)
  expect(sent.map((request) => request.request_id)).toEqual(ids)
  expect(sent[0]).toMatchObject({ username: 'Alice', payload: { prompt: '一' }, attempt: 1, deadline_seconds: 120 })
  expect(typeof sent[0]?.payload.timestamp).toBe('number')
  expect(await stage.store.counts(stage.space.id)).toEqual({ queued: 2, processing: 1 })
  const views = await Promise.all(ids.map((id) => stage.flow.requests.view(id, stage.alice)))
  expect(views.map(({ status, position }) => [status, position])).toEqual([
    ['processing', null],
    ['queued', 1],
    ['queued', 2],
  ])
})

test('P1 people hear that a request was accepted before they hear that it runs, though its app may have it earlier', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 1, prefetch: 0 })
  const said = new Map<string, string[]>()
  stage.bus.subscribe(`user:${stage.alice.userId}`, (message) => {
    if (message.change === 'request') said.set(message.requestId, [...(said.get(message.requestId) ?? []), message.status])
  })
  const ids = await Promise.all(Array.from({ length: 10 }, () => stage.submit()))
  for (const index of ids.keys()) {
    const id = (await sentTo(app, index + 1))[index]?.request_id ?? newRequestId()
    await stage.flow.reports.result(app.connection, { request_id: id, status: 'completed', result: {} })
  }
  // The first found nobody waiting, and began as it was accepted.
  expect(app.ids.map((id) => said.get(id)?.length)).toEqual([2, ...Array.from({ length: 9 }, () => 3)])
  for (const id of app.ids.slice(1)) expect(said.get(id)).toEqual(['queued', 'processing', 'completed'])
})

test('what waited before the app came is sent in order when it comes', async () => {
  await using stage = await setStage()
  const first = stage.join({ concurrency: 1, prefetch: 0 })
  const ids = [await stage.submit(), await stage.submit(), await stage.submit()]
  await sentTo(first, 1)
  const second = stage.join()
  await sentTo(second, 2)
  expect([first.ids, second.ids]).toEqual([[ids[0]], ids.slice(1)])
})

test('concurrency and prefetch are respected, and a finished request makes room for the next', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 2, prefetch: 1 })
  const ids = []
  for (let index = 0; index < 6; index += 1) ids.push(await stage.submit())
  await sentTo(app, 3)
  await eventually(
    () => stage.store.counts(stage.space.id),
    ({ processing }) => processing === 2,
  )
  await stage.flow.reports.result(app.connection, { request_id: ids[0] ?? newRequestId(), status: 'completed', result: {} })
  await sentTo(app, 4)
  expect(app.ids).toEqual(ids.slice(0, 4))
  expect(app.connection.held.size).toBe(3)
  // The one it had prefetched begins, the one just sent waits.
  await stage.until(ids[2] ?? newRequestId(), ({ phase }) => phase.at === 'running')
  expect((await stage.store.find(ids[3] ?? newRequestId()))?.phase.at).toBe('handed')
})

test('the less loaded of two apps gets the next request', async () => {
  await using stage = await setStage()
  const [one, two] = [stage.join({ concurrency: 2, prefetch: 0 }), stage.join({ concurrency: 4, prefetch: 0 })]
  for (let index = 0; index < 6; index += 1) await stage.submit()
  await eventually(
    () => one.sent.length + two.sent.length,
    (count) => count === 6,
  )
  expect([one.sent.length, two.sent.length]).toEqual([2, 4])
})

test('apps that keep their own queues share what waits evenly', async () => {
  await using stage = await setStage()
  const apps = [stage.join(), stage.join()]
  const ids = []
  for (let index = 0; index < 10; index += 1) ids.push(await stage.submit())
  await eventually(
    () => apps.map((app) => app.sent.length),
    (counts) => counts.join() === '5,5',
  )
  expect(apps.flatMap((app) => app.ids).toSorted()).toEqual(ids)
  for (const app of apps) expect(app.ids).toEqual(app.ids.toSorted())
})

test('a silent connection gets nothing, keeps what it has, and goes on when it is back', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 2, prefetch: 0 })
  const other = stage.join({ concurrency: 1, prefetch: 0 })
  const held = await stage.submit()
  const holder = await eventually(
    () => [app, other].find(({ sent }) => sent.length === 1),
    (found) => found !== undefined,
  )
  stage.connections.setSilent(app.connection, true)
  stage.connections.setSilent(other.connection, true)
  await expect(stage.submit()).rejects.toMatchObject({ code: 'app_not_connected' })
  expect((await stage.store.find(held))?.phase.at).toBe('running')
  stage.connections.setSilent(other.connection, false)
  const [a, b, c] = [await stage.submit(), await stage.submit(), await stage.submit()]
  stage.connections.setSilent(app.connection, false)
  await eventually(
    () => app.sent.length + other.sent.length,
    (count) => count === 3,
  )
  expect(new Set([...app.ids, ...other.ids])).toEqual(new Set([held, a, b]))
  expect(holder?.ids[0]).toBe(held)
  expect((await stage.store.find(c))?.phase.at).toBe('waiting')
})

test('what a leaving app held goes to the next one in front of what came later', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 1, prefetch: 1 })
  const ids = [await stage.submit(), await stage.submit(), await stage.submit()]
  await sentTo(app, 2)
  app.leave()
  await stage.until(ids[0] ?? newRequestId(), ({ phase }) => phase.at === 'waiting')
  await stage.until(ids[1] ?? newRequestId(), ({ phase }) => phase.at === 'waiting')
  const next = stage.join()
  await sentTo(next, 3)
  expect(next.ids).toEqual(ids)
  // Only the one it had begun counts as an attempt.
  expect(next.sent.map(({ attempt }) => attempt)).toEqual([2, 1, 1])
})

test('a request whose app is lost too often fails with app_lost', async () => {
  await using stage = await setStage()
  let app = stage.join()
  const id = await stage.submit()
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await sentTo(app, 1)
    await stage.until(id, (request) => request.phase.at === 'running' && request.attempt === attempt)
    app.leave()
    if (attempt < 3) await stage.until(id, ({ phase }) => phase.at === 'waiting')
    app = stage.join()
  }
  expect(await stage.finished(id)).toMatchObject({ phase: { status: 'failed' }, error: { code: 'app_lost' }, attempt: 3 })
  expect(app.sent).toEqual([])
})

test('an app that leaves while requests are being handed to it loses none of them', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const submitted = [stage.submit(), stage.submit(), stage.submit()]
  const [id = newRequestId()] = await Promise.all(submitted)
  app.leave()
  const ids = await Promise.all(submitted)
  for (const each of ids) await stage.until(each, ({ phase }) => phase.at === 'waiting')
  const next = stage.join()
  await sentTo(next, 3)
  expect(next.ids).toEqual(ids.toSorted())
  expect(next.ids).toContain(id)
})

test('a request submitted while no app is connected is refused', async () => {
  await using stage = await setStage()
  await expect(stage.submit()).rejects.toMatchObject({ code: 'app_not_connected' })
  expect(await stage.store.counts(stage.space.id)).toEqual({ queued: 0, processing: 0 })
})

test('a stopping hub takes and hands out nothing, and lets apps finish', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 1, prefetch: 0 })
  const [running, waits] = [await stage.submit(), await stage.submit()]
  await sentTo(app, 1)
  const drained = stage.flow.drain()
  await expect(stage.submit()).rejects.toMatchObject({ code: 'shutting_down' })
  await stage.flow.reports.result(app.connection, { request_id: running, status: 'completed', result: {} })
  await drained
  expect((await stage.store.find(running))?.phase.at).toBe('finished')
  expect((await stage.store.find(waits))?.phase.at).toBe('waiting')
  expect(app.sent).toHaveLength(1)
})

test('a stop leaves what runs to its app for a while, and costs no attempt', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 1, prefetch: 1 })
  const [running, held] = [await stage.submit(), await stage.submit()]
  await sentTo(app, 2)
  const stopped = stage.flow.drain()
  app.leave('sent_on')
  await stopped
  await stage.flow.stop()
  expect((await stage.store.find(running))?.phase).toMatchObject({ at: 'running', lease: { away: { reason: 'hub_restarted' } } })
  expect((await stage.store.find(held))?.phase).toEqual({ at: 'waiting' })
  expect(await stage.store.apply(running, { type: 'expired', at: Date.now() + GRACE })).toMatchObject({ request: { losses: 0 } })
  expect(await stage.store.waiting(stage.space.id, 10)).toEqual([running, held])
  expect(await stage.store.events(running, 2, 10)).toMatchObject([{ status: 'queued', reason: 'hub_restarted' }])
})

test('after a crash what ran is left to its app for a while, and what it had not begun waits again', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 1, prefetch: 1 })
  const [running, held] = [await stage.submit(), await stage.submit()]
  await sentTo(app, 2)
  expect(await recover({ store: stage.store, graceFor: 0, now: Date.now })).toBe(0)
  const next = createRequestStore(stage.under.db)
  expect(await recover({ store: next, graceFor: GRACE, now: Date.now })).toBe(2)
  expect(await recover({ store: next, graceFor: GRACE, now: Date.now })).toBe(0)
  expect((await next.find(running))?.phase).toMatchObject({ at: 'running', lease: { away: { reason: 'hub_restarted' } } })
  expect((await next.find(held))?.phase).toEqual({ at: 'waiting' })
})

test('an app that fails again and again is rested while another can do its work', async () => {
  await using stage = await setStage()
  const bad = stage.join({ concurrency: 1, prefetch: 0 })
  const fail = async (app: TestApp): Promise<void> => {
    const id = await stage.submit()
    await eventually(() => app.ids.includes(id), Boolean)
    await stage.flow.reports.result(app.connection, { request_id: id, status: 'failed', result: {} })
  }
  // Alone, it is better than nothing.
  for (let count = 0; count <= DEFAULTS.restAfterFailures; count += 1) await fail(bad)
  // What its last failure made room for was looked for while it was alone, and finds what comes in the same turn.
  await stage.store.claim(newClaim(stage.space))
  const good = stage.join({ concurrency: 10, prefetch: 0 })
  const ids = await Promise.all(Array.from({ length: 10 }, () => stage.submit()))
  await sentTo(good, 10)
  expect(good.ids.toSorted()).toEqual(ids.toSorted())
  stage.ahead = DEFAULTS.restSeconds * 1000
  const later = await stage.submit()
  await eventually(() => bad.ids.includes(later), Boolean)
})

test('an app that drains gives back what it has not begun, gets nothing more, and may finish', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 1, prefetch: 1 })
  const [running, held] = [await stage.submit(), await stage.submit()]
  await sentTo(app, 2)
  stage.connections.drain(app.connection)
  await stage.until(held, ({ phase }) => phase.at === 'waiting')
  await expect(stage.submit()).rejects.toMatchObject({ code: 'app_not_connected' })
  await stage.flow.reports.result(app.connection, { request_id: running, status: 'completed', result: {} })
  expect((await stage.finished(running)).phase).toMatchObject({ status: 'completed' })
  const next = stage.join()
  await sentTo(next, 1)
  expect(next.ids).toEqual([held])
  expect(app.sent).toHaveLength(2)
})

/** From now on claims are made, but the dispatcher hears of them only when the gate is opened. */
function holdUpClaims({ store }: FlowStage): { readonly made: Promise<void>; readonly open: () => void } {
  const before = { ...store }
  const [made, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  Object.assign(store, {
    async claim(what: Claim) {
      const claimed = await before.claim(what)
      made.resolve()
      await gate.promise
      return claimed
    },
  })
  return { made: made.promise, open: gate.resolve }
}

test('what is on its way to an app that drains reaches it before its drain is acknowledged', async () => {
  await using stage = await setStage({ hold_seconds: 600 })
  const [running, held] = [await stage.submit(), await stage.submit()]
  const claims = holdUpClaims(stage)
  const app = stage.join({ concurrency: 1, prefetch: 1 })
  await claims.made
  const drained = stage.flow.drainApp(app.connection)
  claims.open()
  await drained
  expect(app.ids).toEqual([running, held])
  await stage.until(held, ({ phase }) => phase.at === 'waiting')
  expect([...app.connection.held.keys()]).toEqual([running])
})

test('what was claimed for an app that was gone by then waits again at once, and costs no attempt', async () => {
  await using stage = await setStage({ hold_seconds: 600 })
  const [begun, held] = [await stage.submit(), await stage.submit()]
  const claims = holdUpClaims(stage)
  const app = stage.join({ concurrency: 1, prefetch: 1, renews: true })
  await claims.made
  app.leave('broke_off')
  claims.open()
  expect(await stage.until(begun, ({ phase }) => phase.at === 'waiting')).toMatchObject({ losses: 0 })
  await stage.until(held, ({ phase }) => phase.at === 'waiting')
})
