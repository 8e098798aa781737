/** What an app said and the hub could not keep must not leave a hole that nobody knows of. */
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type LeasedRequest, LIMITS, type RequestId, SpacesError } from '@websocket-spaces/protocol'
import type { Fact } from '../../src/requests/lifecycle.ts'
import type { Append, MessageOn } from '../../src/requests/ports.ts'
import { eventually } from '../support/eventually.ts'
import { type FlowStage, setStage, type TestApp } from '../support/flow-stage.ts'
import { codeOf } from '../support/material.ts'

const RENEWS = { concurrency: 1, prefetch: 0, renews: true, app: 'the app' } as const

async function running(stage: FlowStage, app: TestApp): Promise<LeasedRequest> {
  const request_id = await stage.submit()
  await stage.until(request_id, ({ phase }) => phase.at === 'running')
  await eventually(() => app.ids.includes(request_id), Boolean)
  const sent = app.sent.find((one) => one.request_id === request_id)
  if (sent === undefined) throw new Error('unreachable')
  return { request_id, lease_id: sent.lease_id }
}

function say(stage: FlowStage, app: TestApp, request_id: RequestId, text: string): Promise<string> {
  return codeOf(stage.flow.reports.output(app.connection, { request_id, text }))
}

async function outputOf(stage: FlowStage, id: RequestId): Promise<string> {
  const events = await stage.store.events(id, 0, LIMITS.eventsPerRequest)
  return events.map((event) => (event.type === 'output' ? event.text : '')).join('')
}

/** The first commit of a result is made, but its answer does not come. */
function loseAnswer(stage: FlowStage): void {
  const before = { ...stage.store }
  let lost = false
  Object.assign(stage.store, {
    async apply(id: RequestId, fact: Fact) {
      const applied = await before.apply(id, fact)
      if (fact.type !== 'reported' || lost) return applied
      lost = true
      throw new SpacesError('storage_unavailable')
    },
  })
}

test.each([
  ['completed', { text_output: 'done' }],
  ['failed', { error: 'out of memory' }],
  ['canceled', {}],
] as const)('a result (%s) whose commit was made but not answered is taken as stored, and its end is told', async (status, result) => {
  await using stage = await setStage()
  const app = stage.join(RENEWS)
  const { request_id } = await running(stage, app)
  const heard: MessageOn<`request:${RequestId}`>[] = []
  stage.bus.subscribe(`request:${request_id}`, (message) => {
    if (message.item.type === 'result') heard.push(message)
  })
  loseAnswer(stage)
  const next = await stage.submit()
  expect(await codeOf(stage.flow.reports.result(app.connection, { request_id, status, result }))).toBe('accepted')
  expect(heard).toMatchObject([{ item: { type: 'result', seq: 3 }, request: { phase: { at: 'finished' } } }])
  expect(await stage.store.events(request_id, 2, 10)).toMatchObject(heard.map(({ item }) => item))
  // Its slot is free.
  await stage.until(next, ({ phase }) => phase.at === 'running')
  // Said once more it is refused as ever.
  expect(await codeOf(stage.flow.reports.result(app.connection, { request_id, status, result }))).toBe('request_finished')
})

test('a result that was not stored although the answer was lost is not taken for one that ended otherwise', async () => {
  await using stage = await setStage({ deadline_seconds: 5 })
  const app = stage.join(RENEWS)
  const { request_id } = await running(stage, app)
  const before = { ...stage.store }
  Object.assign(stage.store, {
    async apply(id: RequestId, fact: Fact) {
      if (fact.type !== 'reported' || stage.ahead > 0) return before.apply(id, fact)
      stage.ahead = 6_000
      await before.apply(id, { type: 'timed_out', at: Date.now() + stage.ahead, seconds: 5 })
      throw new SpacesError('storage_unavailable')
    },
  })
  const message = { request_id, status: 'completed', result: { text_output: 'done' } } as const
  expect(await codeOf(stage.flow.reports.result(app.connection, message))).toBe('request_finished')
})

test('an app that says more at once than there is room for says the rest when it is back', async () => {
  await using stage = await setStage()
  const app = stage.join({ ...RENEWS, concurrency: 3 })
  const talks = await running(stage, app)
  const floods = [await running(stage, app), await running(stage, app)]
  const line = 'x'.repeat(LIMITS.logLineChars)
  const flood = floods.flatMap(({ request_id }) =>
    Array.from({ length: 3_000 }, () => codeOf(stage.flow.reports.log(app.connection, { request_id, level: 'debug', line }))),
  )
  const codes = [say(stage, app, talks.request_id, 'a'), ...flood, say(stage, app, talks.request_id, 'b')]
  expect(new Set(await Promise.all(codes))).toEqual(new Set(['accepted', 'storage_unavailable']))
  // Nothing more is taken behind the hole, and the app is sent to say it again.
  const torn = floods.at(-1)?.request_id ?? talks.request_id
  const end = { request_id: torn, status: 'completed', result: {} } as const
  expect(await codeOf(stage.flow.reports.result(app.connection, end))).toBe('storage_unavailable')
  await eventually(
    () => app.closed,
    (closed) => closed.length > 0,
  )
  expect(app.closed).toEqual(['storage_unavailable'])
  app.leave('sent_on')
  const back = stage.prepare({ ...RENEWS, concurrency: 3 })
  const resumed = await stage.flow.resume.join(back.connection, [talks, ...floods], 60)
  stage.connections.add(back.connection)
  expect(resumed).toHaveLength(3)
  // What was taken before there was no room is stored.
  expect((await stage.store.find(torn))?.lastSeq).toBeGreaterThan(500)
  const chars = resumed.find(({ request_id }) => request_id === talks.request_id)?.output_chars ?? 0
  expect(await say(stage, back, talks.request_id, 'ab!'.slice(chars))).toBe('accepted')
  expect(await outputOf(stage, talks.request_id)).toBe('ab!')
})

test('what waits behind a start that takes long to be stored is counted, too', async () => {
  await using stage = await setStage()
  const app = stage.join()
  await running(stage, app)
  const request_id = await stage.submit()
  await eventually(() => app.ids.includes(request_id), Boolean)
  const before = { ...stage.store }
  const gate = Promise.withResolvers<void>()
  Object.assign(stage.store, { apply: async (id: RequestId, fact: Fact) => gate.promise.then(() => before.apply(id, fact)) })
  const line = 'x'.repeat(LIMITS.logLineChars)
  const said = Array.from({ length: 5_000 }, () => codeOf(stage.flow.reports.log(app.connection, { request_id, level: 'debug', line })))
  expect(await Promise.race(said.slice(-1))).toBe('rate_limited')
  gate.resolve()
  expect(new Set(await Promise.all(said))).toEqual(new Set(['accepted', 'rate_limited']))
})

test('what is said behind something that is lost only when its app has gone is not stored either', async () => {
  await using stage = await setStage()
  const app = stage.join(RENEWS)
  const lease = await running(stage, app)
  const before = { ...stage.store }
  const [asked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let calls = 0
  Object.assign(stage.store, {
    async append(batch: readonly Append[], at: number) {
      calls += 1
      if (calls > 1) return before.append(batch, at)
      asked.resolve()
      await gate.promise
      throw new SpacesError('storage_unavailable')
    },
  })
  const first = say(stage, app, lease.request_id, 'Hello')
  await asked.promise
  const second = say(stage, app, lease.request_id, ', world')
  app.leave('broke_off')
  await setImmediate()
  gate.resolve()
  expect([await first, await second]).toEqual(['storage_unavailable', 'storage_unavailable'])
  const back = stage.prepare(RENEWS)
  expect(await stage.flow.resume.join(back.connection, [lease], 60)).toEqual([{ request_id: lease.request_id, output_chars: 0 }])
})

test('while one write hangs, all that comes shares the next: a result waits for two, not for as many as there were batches', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const { request_id } = await running(stage, app)
  const before = { ...stage.store }
  const gate = Promise.withResolvers<void>()
  let calls = 0
  Object.assign(stage.store, {
    async append(batch: readonly Append[], at: number) {
      calls += 1
      await gate.promise
      return before.append(batch, at)
    },
  })
  const said: Promise<string>[] = []
  for (let count = 0; count < 5; count += 1) {
    said.push(say(stage, app, request_id, String(count)))
    // Each time, an app that registers has all that was said before stored.
    said.push(stage.flow.resume.join(stage.prepare().connection, [], 60).then(() => 'accepted'))
    await setImmediate()
  }
  gate.resolve()
  expect(new Set(await Promise.all(said))).toEqual(new Set(['accepted']))
  expect(await outputOf(stage, request_id)).toBe('01234')
  expect(calls).toBe(2)
})
