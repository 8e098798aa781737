import { expect, test } from 'vitest'
import { freeSlots, isResting } from '../../src/requests/capacity.ts'
import type { RequestStore } from '../../src/requests/ports.ts'
import { eventually } from '../support/eventually.ts'
import { type FlowStage, setStage } from '../support/flow-stage.ts'

/** From now on requests are inserted, but nobody hears of it until the gate is opened. */
function holdUpInserts({ store }: FlowStage): { readonly made: Promise<void>; readonly open: () => void } {
  const before = { ...store }
  const [made, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const insert: RequestStore['insert'] = async (request, limits, { onCommitted, ...options } = {}) => {
    const inserted = await before.insert(request, limits, options)
    made.resolve()
    await gate.promise
    onCommitted?.(inserted)
    return inserted
  }
  Object.assign(store, { insert })
  return { made: made.promise, open: gate.resolve }
}

test('where nobody waits a request begins as it is accepted, and its user’s pages hear of it once', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 2, prefetch: 0 })
  const said: string[] = []
  stage.bus.subscribe(`user:${stage.alice.userId}`, (message) => message.change === 'request' && said.push(message.status))
  const id = await stage.submit('一')
  expect(app.sent).toMatchObject([{ request_id: id, username: 'Alice', payload: { prompt: '一' }, attempt: 1, deadline_seconds: 120 }])
  expect((await stage.store.find(id))?.phase).toMatchObject({ at: 'running', lease: { id: app.sent[0]?.lease_id } })
  await eventually(
    () => said,
    (all) => all.length > 0,
  )
  expect(said).toEqual(['processing'])
})

test('no app is handed more than it has slots, however many submit at once; then one after the other', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 3, prefetch: 0 })
  const ids = await Promise.all(Array.from({ length: 20 }, (_, index) => stage.submit(String(index))))
  await eventually(
    () => app.sent.length,
    (count) => count >= 3,
  )
  expect(app.sent).toHaveLength(3)
  expect(freeSlots(app.connection)).toBe(0)
  for (let done = 0; done < ids.length; done += 1) {
    const request_id = await eventually(
      () => app.ids[done],
      (id) => id !== undefined,
    )
    if (request_id === undefined) throw new Error('unreachable')
    await stage.flow.reports.result(app.connection, { request_id, status: 'completed', result: {} })
    expect(app.connection.held.size).toBeLessThanOrEqual(3)
  }
  expect(app.ids.toSorted()).toEqual(ids.toSorted())
  expect([app.connection.offered, app.connection.running]).toEqual([0, 0])
})

test('a slot that was offered is free again when the request is refused', async () => {
  await using stage = await setStage({ daily_quota: 1 })
  const app = stage.join({ concurrency: 2, prefetch: 0 })
  await stage.submit()
  await expect(stage.submit()).rejects.toMatchObject({ code: 'quota_exceeded' })
  expect(freeSlots(app.connection)).toBe(1)
})

test('what is being accepted for an app that drains reaches it before its drain is acknowledged', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 1, prefetch: 0 })
  const inserts = holdUpInserts(stage)
  const submitted = stage.submit()
  await inserts.made
  const drained = stage.flow.drainApp(app.connection)
  inserts.open()
  await drained
  expect(app.ids).toEqual([await submitted])
})

test('what was accepted for an app that was gone by then waits at once, and costs no attempt', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 1, prefetch: 0, renews: true })
  const inserts = holdUpInserts(stage)
  const submitted = stage.submit()
  await inserts.made
  app.leave('broke_off')
  inserts.open()
  const id = await submitted
  expect(await stage.until(id, ({ phase }) => phase.at === 'waiting')).toMatchObject({ losses: 0, attempt: 1 })
  const next = stage.join()
  await eventually(
    () => next.ids,
    (ids) => ids.includes(id),
  )
  expect(app.connection.offered).toBe(0)
})

test('an app that rests is offered nothing', async () => {
  await using stage = await setStage()
  const [bad, good] = [stage.join({ concurrency: 10, prefetch: 0 }), stage.join({ concurrency: 10, prefetch: 0 })]
  bad.connection.restingUntil = Date.now() + 60_000
  expect(isResting(bad.connection, Date.now())).toBe(true)
  const ids = await Promise.all(Array.from({ length: 10 }, () => stage.submit()))
  expect(good.ids.toSorted()).toEqual(ids.toSorted())
  expect(bad.ids).toEqual([])
})

test('what is submitted at once goes to all apps, each as much as it has slots for', async () => {
  await using stage = await setStage()
  const apps = [8, 8, 4].map((concurrency) => stage.join({ concurrency, prefetch: 0 }))
  await Promise.all(Array.from({ length: 10 }, () => stage.submit()))
  expect(apps.map((app) => app.sent.length)).toEqual([4, 4, 2])
})
