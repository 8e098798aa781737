import { expect, test, vi } from 'vitest'
import { type LeasedRequest, type RequestId, SpacesError, TIMING } from '@websocket-spaces/protocol'
import { Leases } from '../../src/requests/leases.ts'
import type { RequestStore } from '../../src/requests/ports.ts'
import { TakeBack } from '../../src/requests/take-back.ts'
import { eventually } from '../support/eventually.ts'
import { type FlowStage, GRACE, setStage, type TestApp } from '../support/flow-stage.ts'
import { byOf, codeOf, newClaim, newRequestId } from '../support/material.ts'

const ONE_AT_A_TIME = { concurrency: 1, prefetch: 0, renews: true, app: 'the app' } as const

async function handed(stage: FlowStage, app: TestApp): Promise<LeasedRequest> {
  const id = await stage.submit()
  await stage.until(id, ({ phase }) => phase.at === 'running')
  return leased(app, id)
}

async function leased(app: TestApp, id: RequestId): Promise<LeasedRequest> {
  const [sent] = await eventually(
    () => app.sent.filter(({ request_id }) => request_id === id),
    (found) => found.length > 0,
  )
  if (sent === undefined) throw new Error('unreachable')
  return { request_id: id, lease_id: sent.lease_id }
}

function result(stage: FlowStage, app: TestApp, request_id: RequestId): Promise<string> {
  return codeOf(stage.flow.reports.result(app.connection, { request_id, status: 'completed', result: {} }))
}

test('an app that comes back goes on where it was, over its new connection only', async () => {
  await using stage = await setStage()
  const app = stage.join(ONE_AT_A_TIME)
  const one = await handed(stage, app)
  await stage.flow.reports.output(app.connection, { request_id: one.request_id, text: 'Hello' })
  app.leave('broke_off')
  const back = stage.prepare(ONE_AT_A_TIME)
  expect(await stage.flow.resume.join(back.connection, [one], 60)).toEqual([{ request_id: one.request_id, output_chars: 5 }])
  stage.connections.add(back.connection)
  expect(await result(stage, app, one.request_id)).toBe('stale_lease')
  await stage.flow.reports.output(back.connection, { request_id: one.request_id, text: ', world' })
  expect(await result(stage, back, one.request_id)).toBe('accepted')
  expect(await stage.finished(one.request_id)).toMatchObject({ attempt: 1, outputChars: 12 })
  expect(back.sent).toEqual([])
})

test('it may be back before its old connection is known to be gone', async () => {
  await using stage = await setStage()
  const app = stage.join(ONE_AT_A_TIME)
  const one = await handed(stage, app)
  const back = stage.prepare(ONE_AT_A_TIME)
  expect(await stage.flow.resume.join(back.connection, [one], 60)).toHaveLength(1)
  stage.connections.add(back.connection)
  // Nothing more is handed to that.
  expect(app.closed).toEqual(['already_registered'])
  app.leave('broke_off')
  expect(await result(stage, back, one.request_id)).toBe('accepted')
  expect(await stage.finished(one.request_id)).toMatchObject({ attempt: 1, phase: { status: 'completed' } })
})

test('nobody else gets it meanwhile; when it does not come back in time, another does', async () => {
  await using stage = await setStage()
  const app = stage.join(ONE_AT_A_TIME)
  const one = await handed(stage, app)
  app.leave('broke_off')
  const other = stage.join({ concurrency: 2, prefetch: 0 })
  const next = await stage.submit()
  await leased(other, next)
  expect(other.ids).toEqual([next])
  stage.ahead = TIMING.leaseFor
  await leased(other, one.request_id)
  expect(await stage.store.find(one.request_id)).toMatchObject({ attempt: 2, losses: 1 })
  const back = stage.prepare(ONE_AT_A_TIME)
  expect(await stage.flow.resume.join(back.connection, [one], 60)).toEqual([])
})

test('the time to come back for what it runs begins when the store can be told: before, no app can come back', async () => {
  await using stage = await setStage()
  const app = stage.join(ONE_AT_A_TIME)
  const one = await handed(stage, app)
  const before = { ...stage.store }
  const away: RequestStore['apply'] = () => Promise.reject(new SpacesError('storage_unavailable'))
  Object.assign(stage.store, { apply: away })
  app.leave('broke_off')
  await eventually(
    () => stage.errors.length,
    (count) => count > 0,
  )
  stage.ahead = GRACE
  Object.assign(stage.store, before)
  await stage.until(one.request_id, ({ phase }) => phase.at !== 'running' || phase.lease.away !== null)
  const back = stage.prepare(ONE_AT_A_TIME)
  expect(await stage.flow.resume.join(back.connection, [one], 60)).toHaveLength(1)
  stage.connections.add(back.connection)
  expect(await result(stage, back, one.request_id)).toBe('accepted')
  expect(await stage.finished(one.request_id)).toMatchObject({ attempt: 1, losses: 0 })
})

test('after the store was away, apps have time to come back before anything expires', async () => {
  await using stage = await setStage()
  const app = stage.join(ONE_AT_A_TIME)
  const one = await handed(stage, app)
  app.leave('broke_off')
  await stage.until(one.request_id, ({ phase }) => phase.at === 'running' && phase.lease.away !== null)
  const before = { ...stage.store }
  const away: RequestStore['overdue'] = () => Promise.reject(new SpacesError('storage_unavailable'))
  Object.assign(stage.store, { overdue: away })
  await eventually(
    () => stage.errors.length,
    (count) => count > 0,
  )
  stage.ahead = GRACE
  Object.assign(stage.store, before)
  const looked = vi.spyOn(stage.store, 'overdue')
  // The first sweep is through when the second begins.
  await eventually(
    () => looked.mock.calls.length,
    (count) => count > 1,
  )
  const back = stage.prepare(ONE_AT_A_TIME)
  expect(await stage.flow.resume.join(back.connection, [one], 60)).toHaveLength(1)
  stage.connections.add(back.connection)
  expect(await result(stage, back, one.request_id)).toBe('accepted')
})

test('an app that does not renew its leases gets what it had anew as soon as it is back', async () => {
  await using stage = await setStage()
  const old = { concurrency: 1, prefetch: 1_000, app: 'old' }
  const app = stage.join(old)
  const { request_id: id } = await handed(stage, app)
  app.leave('broke_off')
  const other = stage.join({ ...old, app: 'another' })
  const next = await stage.submit()
  await leased(other, next)
  other.leave('left')
  const back = stage.prepare(old)
  expect(await stage.flow.resume.join(back.connection, [], 60)).toEqual([])
  stage.connections.add(back.connection)
  await leased(back, id)
  expect(back.sent[0]).toMatchObject({ request_id: id, attempt: 2 })
})

test('also when its old connection is found to be gone only then', async () => {
  await using stage = await setStage()
  const old = { concurrency: 1, prefetch: 1_000, app: 'old' }
  const app = stage.join(old)
  const { request_id: id } = await handed(stage, app)
  const back = stage.join(old)
  app.leave('broke_off')
  await leased(back, id)
})

test('what an app does not name when it is back waits again soon', async () => {
  await using stage = await setStage()
  const app = stage.join(ONE_AT_A_TIME)
  const one = await handed(stage, app)
  app.leave('broke_off')
  await stage.until(one.request_id, ({ phase }) => phase.at === 'running' && phase.lease.away !== null)
  const back = stage.prepare(ONE_AT_A_TIME)
  await stage.flow.resume.join(back.connection, [], 60)
  stage.connections.add(back.connection)
  expect((await stage.store.find(one.request_id))?.phase.at).toBe('running')
  stage.ahead = TIMING.resumeWithin
  await leased(back, one.request_id)
})

test('an app hears at its return what was canceled meanwhile', async () => {
  await using stage = await setStage()
  const app = stage.join(ONE_AT_A_TIME)
  const one = await handed(stage, app)
  app.leave('broke_off')
  expect(await stage.flow.requests.cancel(one.request_id, stage.alice)).toMatchObject({ status: 'canceling' })
  const back = stage.prepare(ONE_AT_A_TIME)
  const resumed = await stage.flow.resume.join(back.connection, [one], 60)
  stage.connections.add(back.connection)
  await stage.flow.resume.tellCanceled(resumed)
  expect(back.canceled).toEqual([{ id: one.request_id, reason: 'canceled' }])
  await stage.flow.reports.result(back.connection, { request_id: one.request_id, status: 'canceled', result: {} })
  expect((await stage.finished(one.request_id)).phase).toMatchObject({ status: 'canceled' })
})

test('no app is given what it never held', async () => {
  await using stage = await setStage()
  const app = stage.join(ONE_AT_A_TIME)
  const one = await handed(stage, app)
  const thief = stage.prepare({ ...ONE_AT_A_TIME, app: 'thief' })
  const guesses = [
    { ...one, lease_id: byOf(newClaim(stage.space), []).id },
    { ...one, request_id: newRequestId() },
  ]
  expect(await stage.flow.resume.join(thief.connection, guesses, 60)).toEqual([])
  expect(stage.flow.resume.renew(thief.connection, [one])).toEqual([one.request_id])
  // To its holder a newer lease is on its way.
  expect(stage.flow.resume.renew(app.connection, guesses.slice(0, 1))).toEqual([])
  expect(await result(stage, app, one.request_id)).toBe('accepted')
})

/** Leases that no sweep looks after, and no dispatcher hands out. */
function byHand({ store, bus, connections, under, space, alice }: FlowStage) {
  const deps = {
    store,
    bus,
    connections,
    now: Date.now,
    onFreed: () => undefined,
    onQueueChanged: () => undefined,
    onError: expect.unreachable,
  }
  const leases = new Leases(deps)
  const takeBack = new TakeBack({ ...deps, leases, graceFor: GRACE })
  const hold = async ({ connection }: TestApp): Promise<RequestId> => {
    const input = { prompt: 'p' }
    await under.requests.insert(
      { id: newRequestId(), spaceId: space.id, userId: alice.userId, input, priority: 'normal', createdAt: Date.now() },
      { maxQueue: 100, minIntervalSeconds: 0, dailyQuota: 0 },
    )
    const [one] = await store.claim(newClaim(space, { connectionId: connection.id }))
    if (one === undefined) throw new Error('nothing to claim')
    const { id: requestId, leaseId } = one
    leases.give(connection, { requestId, leaseId, started: true, renewedAt: 0, arrivals: Promise.resolve(), deadlineSeconds: 60 })
    return requestId
  }
  return { leases, takeBack, hold }
}

test('a lease that its app, though connected, does not renew ends', async () => {
  await using stage = await setStage()
  const { store } = stage
  const [app, old] = [stage.prepare(ONE_AT_A_TIME), stage.prepare({ renews: false })]
  const { takeBack, hold } = byHand(stage)
  const [renewed, forgotten] = [await hold(app), await hold(app)]
  const kept = await hold(old)
  const heldByApp = app.connection.held.get(renewed)
  for (let now = 0; now <= TIMING.leaseFor + 1_000; now += 1_000) {
    if (heldByApp !== undefined) heldByApp.renewedAt = now
    await takeBack.lapse(now)
  }
  expect(app.canceled).toEqual([{ id: forgotten, reason: 'lease_lost' }])
  expect(await store.find(forgotten)).toMatchObject({ phase: { at: 'waiting' }, losses: 1 })
  for (const id of [renewed, kept]) expect((await store.find(id))?.phase.at).toBe('running')
  // A hub that was held up itself says nothing about its apps.
  await takeBack.lapse(TIMING.leaseFor * 10)
  expect((await store.find(renewed))?.phase.at).toBe('running')
})

test('what another connection resumes while leases are found not renewed is left to it', async () => {
  await using stage = await setStage()
  const { store } = stage
  const [app, back] = [stage.prepare(ONE_AT_A_TIME), stage.prepare(ONE_AT_A_TIME)]
  const { leases, takeBack, hold } = byHand(stage)
  const [forgotten, resumed] = [await hold(app), await hold(app)]
  const held = app.connection.held.get(resumed)
  if (held === undefined) throw new Error('unreachable')
  const { id: connectionId, instance, app: name, renews } = back.connection
  let move: Promise<unknown> | undefined
  app.onCancel = () => {
    const to = { connectionId, instance, app: name, renews }
    move ??= store
      .apply(resumed, { type: 'resumed', leaseId: held.leaseId, at: Date.now(), to })
      .then(() => leases.give(back.connection, { ...held, renewedAt: TIMING.leaseFor }))
  }
  for (let now = 0; now <= TIMING.leaseFor + 1_000; now += 1_000) await takeBack.lapse(now)
  await move
  expect(app.canceled).toEqual([{ id: forgotten, reason: 'lease_lost' }])
  expect(back.canceled).toEqual([])
  expect(leases.find(resumed)?.connection).toBe(back.connection)
  expect((await store.find(resumed))?.phase).toMatchObject({ at: 'running', lease: { connectionId } })
})

test('a renewal that was sent before the same request came anew takes nothing away', async () => {
  await using stage = await setStage()
  const app = stage.join(ONE_AT_A_TIME)
  const one = await handed(stage, app)
  const former = { ...one, lease_id: byOf(newClaim(stage.space), []).id }
  expect(stage.flow.resume.renew(app.connection, [former])).toEqual([])
  expect(await result(stage, app, one.request_id)).toBe('accepted')
})

test('an app that holds many goes on with all of them', async () => {
  await using stage = await setStage()
  const terms = { ...ONE_AT_A_TIME, concurrency: 60 }
  const app = stage.join(terms)
  const ids = await Promise.all(Array.from({ length: 60 }, () => stage.submit()))
  const named = await Promise.all(ids.map((id) => leased(app, id)))
  app.leave('broke_off')
  const back = stage.prepare(terms)
  expect(await stage.flow.resume.join(back.connection, named, 60)).toEqual(ids.map((request_id) => ({ request_id, output_chars: 0 })))
  expect([...back.connection.held.keys()].toSorted()).toEqual(ids.toSorted())
})
