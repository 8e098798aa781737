import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterEach, expect, test, vi } from 'vitest'
import { type RequestId, SpacesError, TIMING } from '@websocket-spaces/protocol'
import type { Fact } from '../../src/requests/lifecycle.ts'
import { eventually } from '../support/eventually.ts'
import { type FlowStage, setStage } from '../support/flow-stage.ts'
import { codeOf, newRequestId } from '../support/material.ts'

afterEach(() => vi.restoreAllMocks())

async function result(stage: FlowStage, app: ReturnType<FlowStage['join']>, request_id: RequestId): Promise<string> {
  return codeOf(stage.flow.reports.result(app.connection, { request_id, status: 'completed', result: { text_output: 'done' } }))
}

test('only what runs times out; the app is told, a late result is refused, and the next one runs', async () => {
  await using stage = await setStage({ deadline_seconds: 5 })
  const app = stage.join()
  const [id, held] = [await stage.submit(), await stage.submit()]
  await eventually(
    () => app.sent.length,
    (count) => count === 2,
  )
  stage.ahead = 6_000
  expect(await stage.finished(id)).toMatchObject({
    phase: { status: 'failed' },
    error: { code: 'timeout', message: expect.stringContaining('5 s') as string },
  })
  expect(app.canceled).toEqual([{ id, reason: 'timeout' }])
  expect(await result(stage, app, id)).toBe('request_finished')
  // Its own time counts from its own start.
  await stage.until(held, ({ phase }) => phase.at === 'running')
  expect(await result(stage, app, held)).toBe('accepted')
})

test('a result that races the deadline has one outcome', async () => {
  await using stage = await setStage({ deadline_seconds: 5 })
  const app = stage.join({ concurrency: 20, prefetch: 0 })
  const ids = await Promise.all(Array.from({ length: 20 }, () => stage.submit()))
  await eventually(
    () => app.sent.length,
    (count) => count === 20,
  )
  stage.ahead = 6_000
  const codes: string[] = []
  for (const id of ids) {
    codes.push(await result(stage, app, id))
    await new Promise((resolve) => setTimeout(resolve, TIMING.sweepEvery / 12))
  }
  for (const [index, id] of ids.entries()) {
    const { phase } = await stage.finished(id)
    expect(phase).toEqual({ at: 'finished', status: codes[index] === 'accepted' ? 'completed' : 'failed' })
    expect((await stage.store.events(id, 0, 10)).map(({ type }) => type)).toEqual(['status', 'status', 'result'])
  }
  expect(app.connection.held.size).toBe(0)
})

test('a result that came in time but could not be stored at once does not time out meanwhile', async () => {
  await using stage = await setStage({ deadline_seconds: 5 })
  const app = stage.join()
  const id = await stage.submit()
  await eventually(() => app.ids.includes(id), Boolean)
  const before = { ...stage.store }
  let isAway = true
  const looked = vi.spyOn(stage.store, 'overdue')
  Object.assign(stage.store, {
    async apply(of: RequestId, fact: Fact) {
      if (isAway && fact.type === 'reported') throw new SpacesError('storage_unavailable')
      return before.apply(of, fact)
    },
  })
  const said = result(stage, app, id)
  stage.ahead = 6_000
  const looks = looked.mock.calls.length
  await eventually(
    () => looked.mock.calls.length,
    (count) => count >= looks + 2,
  )
  isAway = false
  expect(await said).toBe('accepted')
  expect(await stage.finished(id)).toMatchObject({ phase: { status: 'completed' } })
})

test('cancel ends what waits at once, and what runs when its app has stopped', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 1, prefetch: 1 })
  const [running, held, waits] = [await stage.submit(), await stage.submit(), await stage.submit()]
  await eventually(
    () => app.sent.length,
    (count) => count === 2,
  )
  for (const id of [waits, held]) {
    expect(await stage.flow.requests.cancel(id, stage.alice)).toMatchObject({ id, status: 'canceled', position: null })
    expect(await codeOf(stage.flow.requests.cancel(id, stage.alice))).toBe('request_finished')
    expect(await result(stage, app, id)).toBe('request_finished')
  }
  const next = await stage.submit()
  for (const _ of ['once', 'again']) expect(await stage.flow.requests.cancel(running, stage.alice)).toMatchObject({ status: 'canceling' })
  expect(app.canceled.map(({ id }) => id)).toEqual([held, running])
  // What it still says is taken, and its place is its own, until it says that it has stopped.
  await stage.flow.reports.output(app.connection, { request_id: running, text: 'still' })
  expect((await stage.store.find(next))?.phase.at).not.toBe('running')
  expect(await result(stage, app, running)).toBe('accepted')
  expect(await stage.finished(running)).toMatchObject({ phase: { status: 'canceled' }, result: null })
  expect((await stage.store.events(running, 0, 10)).map((event) => (event.type === 'status' ? event.status : event.type))).toEqual([
    'queued',
    'processing',
    'canceling',
    'output',
    'result',
  ])
  await stage.until(next, ({ phase }) => phase.at === 'running')
})

test('a canceled request ends without its app, when that leaves or the deadline passes', async () => {
  await using stage = await setStage({ deadline_seconds: 5 })
  const [one, other] = [stage.join({ concurrency: 1, prefetch: 0 }), stage.join({ concurrency: 1, prefetch: 0 })]
  const ids = [await stage.submit(), await stage.submit()]
  for (const id of ids) await stage.until(id, ({ phase }) => phase.at === 'running')
  for (const id of ids) await stage.flow.requests.cancel(id, stage.alice)
  one.leave()
  const [ofOne, ofOther] = [one.ids[0] ?? newRequestId(), other.ids[0] ?? newRequestId()]
  expect((await stage.finished(ofOne)).phase).toMatchObject({ status: 'canceled' })
  expect((await stage.store.find(ofOther))?.phase.at).toBe('canceling')
  stage.ahead = 6_000
  expect((await stage.finished(ofOther)).phase).toMatchObject({ status: 'canceled' })
})

test('an app cannot cancel what nobody canceled', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const id = await stage.submit()
  await stage.until(id, ({ phase }) => phase.at === 'running')
  await eventually(() => app.ids.includes(id), Boolean)
  await stage.flow.reports.result(app.connection, { request_id: id, status: 'canceled', result: {} })
  expect(await stage.finished(id)).toMatchObject({ phase: { status: 'failed' }, error: { code: 'app_failed' } })
})

test('a cancel while requests are being handed out leaves no place taken', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 2, prefetch: 2 })
  app.onCancel = (id) =>
    void stage.flow.reports.result(app.connection, { request_id: id, status: 'canceled', result: {} }).catch(() => undefined)
  const ids = await Promise.all(
    Array.from({ length: 30 }, async () => {
      const id = await stage.submit()
      await stage.flow.requests.cancel(id, stage.alice)
      return id
    }),
  )
  for (const id of ids) expect((await stage.finished(id)).phase).toEqual({ at: 'finished', status: 'canceled' })
  await eventually(
    () => app.connection.held.size,
    (size) => size === 0,
  )
  expect(new Set(app.canceled.map(({ id }) => id))).toEqual(new Set(app.ids))
})

test('deleting a space ends what lives in it, and tells the app', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 1, prefetch: 0 })
  const ids = [await stage.submit(), await stage.submit()]
  await eventually(
    () => app.sent.length,
    (count) => count === 1,
  )
  await stage.flow.requests.cancelAll(stage.space.id)
  for (const id of ids) expect((await stage.store.find(id))?.phase).toEqual({ at: 'finished', status: 'canceled' })
  expect(app.canceled).toEqual([{ id: ids[0], reason: 'space_deleted' }])
})

async function fillDisk({ under }: FlowStage): Promise<() => Promise<void>> {
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(under.db)
  await sql.raw(`pragma max_page_count = ${rows[0]?.page_count ?? 1}`).execute(under.db)
  return async () => void (await sql`pragma max_page_count = 1000000`.execute(under.db))
}

test('a stream that could not be stored is said again from where it broke, once the disk has room', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 1, prefetch: 0, renews: true, app: 'streamer' })
  const id = await stage.submit()
  await stage.until(id, ({ phase }) => phase.at === 'running')
  const [lease] = await eventually(
    () => app.sent.map(({ lease_id }) => ({ request_id: id, lease_id })),
    (sent) => sent.length === 1,
  )
  const say = async (from: typeof app, text: string): Promise<string> =>
    codeOf(stage.flow.reports.output(from.connection, { request_id: id, text }))
  expect(await say(app, 'first ')).toBe('accepted')
  const makeRoom = await fillDisk(stage)
  const large = 'x'.repeat(60_000)
  expect(await say(app, large)).toBe('storage_full')
  await makeRoom()
  // Behind the hole nothing is taken, nor the result; the app is sent to say it again.
  expect(await say(app, 'last')).toBe('storage_unavailable')
  expect(await result(stage, app, id)).toBe('storage_unavailable')
  await eventually(
    () => app.closed,
    (closed) => closed.length > 0,
  )
  expect(app.closed).toEqual(['storage_unavailable'])
  app.leave('sent_on')
  const back = stage.prepare({ concurrency: 1, prefetch: 0, renews: true, app: 'streamer' })
  expect(await stage.flow.resume.join(back.connection, lease === undefined ? [] : [lease], 60)).toEqual([
    { request_id: id, output_chars: 6 },
  ])
  stage.connections.add(back.connection)
  expect(await say(back, large)).toBe('accepted')
  expect(await say(back, 'last')).toBe('accepted')
  expect(await result(stage, back, id)).toBe('accepted')
  const events = await stage.store.events(id, 0, 100)
  expect(events.map((event) => (event.type === 'output' ? event.text : '')).join('')).toBe(`first ${large}last`)
})

test('with a full disk all but results is refused as storage_full, nothing is half done, and it goes on when there is room', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const id = await stage.submit()
  await stage.until(id, ({ phase }) => phase.at === 'running')
  const makeRoom = await fillDisk(stage)
  const large = 'x'.repeat(60_000)
  expect(await codeOf(stage.submit(large))).toBe('storage_full')
  expect(await codeOf(stage.flow.reports.output(app.connection, { request_id: id, text: large }))).toBe('storage_full')
  const message = { request_id: id, status: 'completed', result: { text_output: large } } as const
  // It may never be said again, and so is kept until there is room.
  const finishing = stage.flow.reports.result(app.connection, message)
  expect(await stage.store.find(id)).toMatchObject({ phase: { at: 'running' }, lastSeq: 2, result: null })
  expect(await stage.store.events(id, 0, 10)).toHaveLength(2)
  expect(await stage.store.counts(stage.space.id)).toEqual({ queued: 0, processing: 1 })

  await sleep(1_000)
  await makeRoom()
  await finishing
  expect(await stage.finished(id)).toMatchObject({ phase: { status: 'completed' }, result: { text_output: large } })
  await stage.until(await stage.submit(large), ({ phase }) => phase.at === 'running')
})

test('what could not be taken back from a leaving app is taken back later', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const ids = [await stage.submit(), await stage.submit()]
  await eventually(
    () => app.sent.length,
    (count) => count === 2,
  )
  const refusing = vi.spyOn(stage.store, 'apply').mockRejectedValue(new Error('the disk is full'))
  app.leave()
  await eventually(
    () => stage.errors.length,
    (count) => count > 0,
  )
  refusing.mockRestore()
  const next = stage.join()
  await eventually(
    () => next.sent.length,
    (count) => count === 2,
  )
  expect(next.ids).toEqual(ids)
})

test('a start that could not be stored is tried again with the next report, so that it has a deadline', async () => {
  await using stage = await setStage()
  const app = stage.join()
  await stage.submit()
  const id = await stage.submit()
  await eventually(
    () => app.sent.length,
    (count) => count === 2,
  )
  const say = (): Promise<string> => codeOf(stage.flow.reports.progress(app.connection, { request_id: id, progress: 0.5 }))
  const refusing = vi.spyOn(stage.store, 'apply').mockRejectedValueOnce(Object.assign(new Error('full'), { code: 'storage_full' }))
  expect(await say()).toBe('storage_full')
  refusing.mockRestore()
  expect(await say()).toBe('accepted')
  expect(await stage.store.find(id)).toMatchObject({ phase: { at: 'running' }, progress: 0.5 })
})
