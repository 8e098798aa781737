import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { LIMITS, type RequestId, type RequestResult } from '@websocket-spaces/protocol'
import type { Fact } from '../../src/requests/lifecycle.ts'
import { codeOf, newRequestId, newSpaceId } from '../support/material.ts'
import { eventually } from '../support/eventually.ts'
import { type FlowStage, setStage, type TestApp } from '../support/flow-stage.ts'

async function running(stage: FlowStage, app: TestApp): Promise<RequestId> {
  const id = await stage.submit()
  await stage.until(id, ({ phase }) => phase.at === 'running')
  await eventually(() => app.ids.includes(id), Boolean)
  return id
}

function result(stage: FlowStage, app: TestApp, request_id: RequestId, text_output: string): Promise<void> {
  return stage.flow.reports.result(app.connection, { request_id, status: 'completed', result: { text_output } })
}

async function storyOf(stage: FlowStage, id: RequestId): Promise<unknown[]> {
  const events = await stage.store.events(id, 0, 1_000)
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
  return events.map((event) =>
    event.type === 'output' ? event.text : event.type === 'progress' ? event.progress : event.type === 'status' ? event.status : event.type,
  )
}

test('reports keep their order when they arrive in the same tick, the result last', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const request_id = await running(stage, app)
  const { reports } = stage.flow
  await Promise.all([
    reports.progress(app.connection, { request_id, progress: 0.1 }),
    reports.output(app.connection, { request_id, text: 'He' }),
    reports.output(app.connection, { request_id, text: 'llo' }),
    reports.log(app.connection, { request_id, level: 'info', line: 'half way' }),
    reports.output(app.connection, { request_id, text: '!' }),
    reports.progress(app.connection, { request_id, progress: 0.8 }),
    reports.progress(app.connection, { request_id, progress: 0.9 }),
    result(stage, app, request_id, 'Hello!'),
  ])
  expect(await storyOf(stage, request_id)).toEqual(['queued', 'processing', 0.1, 'Hello', 'log', '!', 0.9, 'result'])
})

test('the first report of a request that waits in the app begins it, and none overtakes the start', async () => {
  await using stage = await setStage()
  const app = stage.join()
  await running(stage, app)
  const id = await stage.submit()
  await eventually(() => app.ids.includes(id), Boolean)
  expect((await stage.store.find(id))?.phase.at).toBe('handed')
  const { reports } = stage.flow
  await Promise.all([
    reports.output(app.connection, { request_id: id, text: 'a' }),
    reports.progress(app.connection, { request_id: id, progress: 0.5 }),
    result(stage, app, id, 'a'),
  ])
  expect(await storyOf(stage, id)).toEqual(['queued', 'processing', 'a', 0.5, 'result'])
})

test('of two results at once the first counts and the other is refused', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const [id, next] = [await running(stage, app), await stage.submit()]
  const codes = await Promise.all([codeOf(result(stage, app, id, 'first')), codeOf(result(stage, app, id, 'second'))])
  expect(codes).toEqual(['accepted', 'request_finished'])
  expect(await codeOf(result(stage, app, id, 'third'))).toBe('request_finished')
  expect(await stage.store.find(id)).toMatchObject({ result: { text_output: 'first' } })
  await stage.until(next, ({ phase }) => phase.at === 'running')
})

test('a result counts although its app leaves in the same tick', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const [id, next] = [await running(stage, app), await stage.submit()]
  await eventually(
    () => app.sent.length,
    (count) => count === 2,
  )
  const said = [stage.flow.reports.output(app.connection, { request_id: id, text: 'all' }), result(stage, app, id, 'all of it')]
  app.leave()
  await Promise.all(said)
  expect(await stage.finished(id)).toMatchObject({ phase: { status: 'completed' }, result: { text_output: 'all of it' }, attempt: 1 })
  await stage.until(next, ({ phase }) => phase.at === 'waiting')
})

test("what is not an app's to report on is refused, and betrays nothing", async () => {
  await using stage = await setStage()
  const app = stage.join()
  const elsewhere = stage.join({}, { ...stage.space, id: newSpaceId() })
  const id = await running(stage, app)
  const sibling = stage.join()
  expect(await codeOf(result(stage, app, newRequestId(), 'unknown'))).toBe('not_found')
  expect(await codeOf(result(stage, elsewhere, id, 'of another space'))).toBe('not_found')
  expect(await codeOf(result(stage, sibling, id, 'of another app'))).toBe('stale_lease')
  expect(await codeOf(stage.flow.reports.progress(sibling.connection, { request_id: id, progress: 1 }))).toBe('stale_lease')
  expect(await storyOf(stage, id)).toEqual(['queued', 'processing'])
})

test('a late result of a request that others run now is refused and does not disturb them', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const id = await running(stage, app)
  app.leave()
  const next = stage.join()
  await eventually(() => next.ids.includes(id), Boolean)
  expect(await codeOf(result(stage, app, id, 'late'))).toBe('stale_lease')
  await stage.flow.requests.cancel(id, stage.alice)
  expect(next.canceled).toEqual([{ id, reason: 'canceled' }])
})

test('a failed result says why; one without a reason still does', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const failed = async (said: RequestResult): Promise<unknown> => {
    const id = await running(stage, app)
    await stage.flow.reports.result(app.connection, { request_id: id, status: 'failed', result: said })
    return (await stage.finished(id)).error
  }
  expect(await failed({ error: '显存不足' })).toEqual({ code: 'app_failed', message: '显存不足' })
  expect(await failed({ error: { deep: 1 } })).toEqual({ code: 'app_failed', message: 'The app reported an error' })
  expect(await failed({})).toEqual({ code: 'app_failed', message: 'The app reported an error' })
})

test('a result too large fails its request with a clear code, and the next one runs', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const [id, next] = [await running(stage, app), await stage.submit()]
  await result(stage, app, id, '大'.repeat(LIMITS.resultBytes / 2))
  expect(await stage.finished(id)).toMatchObject({ phase: { status: 'failed' }, error: { code: 'result_too_large' }, result: null })
  await stage.until(next, ({ phase }) => phase.at === 'running')
})

test('output beyond the limit is refused; the result is taken all the same', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const request_id = await running(stage, app)
  const say = (): Promise<string> => codeOf(stage.flow.reports.output(app.connection, { request_id, text: 'x'.repeat(LIMITS.deltaChars) }))
  const codes: string[] = []
  for (let sent = 0; sent <= LIMITS.outputChars; sent += LIMITS.deltaChars) codes.push(await say())
  expect(new Set(codes.slice(0, -1))).toEqual(new Set(['accepted']))
  expect(codes.at(-1)).toBe('output_full')
  await result(stage, app, request_id, 'done')
  expect(await storyOf(stage, request_id)).toHaveLength(codes.length + 2)
})

test('an app that floods the hub is told to slow down, and what was taken is stored', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const request_id = await running(stage, app)
  const line = 'x'.repeat(LIMITS.logLineChars)
  const codes = await Promise.all(
    Array.from({ length: 5_000 }, () => codeOf(stage.flow.reports.log(app.connection, { request_id, level: 'debug', line }))),
  )
  const taken = codes.filter((code) => code === 'accepted').length
  expect(new Set(codes)).toEqual(new Set(['accepted', 'rate_limited']))
  expect((await stage.store.find(request_id))?.lastSeq).toBe(2 + taken)
  expect(await codeOf(stage.flow.reports.log(app.connection, { request_id, level: 'debug', line }))).toBe('accepted')
})

test('what an app says while the start is being stored that its turn gave it comes after that start', async () => {
  await using stage = await setStage()
  const app = stage.join()
  const first = await running(stage, app)
  const id = await stage.submit()
  await eventually(() => app.ids.includes(id), Boolean)
  const before = { ...stage.store }
  const [asked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  Object.assign(stage.store, {
    async apply(of: RequestId, fact: Fact) {
      if (fact.type === 'started') {
        asked.resolve()
        await gate.promise
      }
      return before.apply(of, fact)
    },
  })
  await result(stage, app, first, 'done')
  await asked.promise
  const said = stage.flow.reports.output(app.connection, { request_id: id, text: 'Hello' })
  await setImmediate()
  // An app that registers has all that was said before stored.
  await stage.flow.resume.join(stage.prepare().connection, [], 60)
  gate.resolve()
  await said
  expect(await storyOf(stage, id)).toEqual(['queued', 'processing', 'Hello'])
  expect((await stage.store.find(id))?.outputChars).toBe(5)
})

test('what one app makes the hub look up or keep at the same time is bounded, and others go on', async () => {
  await using stage = await setStage()
  const [app, other] = [stage.join(), stage.join()]
  const id = await running(stage, app)
  const before = { ...stage.store }
  const gate = Promise.withResolvers<void>()
  Object.assign(stage.store, {
    find: async (of: RequestId) => gate.promise.then(() => before.find(of)),
    apply: async (of: RequestId, fact: Fact) => gate.promise.then(() => before.apply(of, fact)),
  })
  const looks = Array.from({ length: 1_000 }, () => codeOf(result(stage, app, newRequestId(), 'not mine')))
  const results = Array.from({ length: 20 }, () => codeOf(result(stage, app, id, 'mine')))
  const elsewhere = codeOf(result(stage, other, newRequestId(), 'not mine'))
  expect(await Promise.all([...looks.slice(-1), ...results.slice(-1)])).toEqual(['rate_limited', 'rate_limited'])
  gate.resolve()
  expect(await elsewhere).toBe('not_found')
  expect(new Set(await Promise.all(looks))).toEqual(new Set(['not_found', 'rate_limited']))
  expect(new Set(await Promise.all(results))).toEqual(new Set(['accepted', 'request_finished', 'rate_limited']))
  expect(await codeOf(result(stage, app, newRequestId(), 'not mine'))).toBe('not_found')
})
