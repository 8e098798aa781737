import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LIMITS, type Outcome, type RequestId, type UserId } from '@websocket-spaces/protocol'
import type { Report, RequestStore } from '../../src/requests/ports.ts'
import {
  addRequests,
  addSpace,
  byOf,
  codeOf,
  DONE,
  newClaim,
  newConnectionId,
  newLeaseId,
  newRequest,
  newRequestId,
  newSpaceId,
  NO_LIMITS,
  NOON,
} from '../support/material.ts'
import type { StoreUnderTest } from '../support/sqlite-store.ts'

const SUBMITTED = { status: 'queued', attempt: 0 }

/** The rules every request store keeps: SQLite's and any other. */
export function requestStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a request store`, () => {
    let under: StoreUnderTest
    let store: RequestStore
    let alice: UserId
    let bob: UserId
    beforeAll(async () => {
      under = await open()
      store = under.requests
      alice = await under.addUser('Alice')
      bob = await under.addUser('Bob')
    })
    afterAll(() => under[Symbol.asyncDispose]())

    async function waiting(count: number): Promise<{ space: Awaited<ReturnType<typeof addSpace>>; ids: RequestId[] }> {
      const space = await addSpace(under, alice)
      return { space, ids: await addRequests(under, { space, user: bob }, count) }
    }

    async function insert(
      space: { id: Awaited<ReturnType<typeof addSpace>>['id'] },
      limits: Partial<typeof NO_LIMITS>,
      createdAt = NOON,
    ): Promise<string> {
      const request = newRequest({ space, user: bob }, { createdAt })
      return codeOf(store.insert(request, { ...NO_LIMITS, ...limits }))
    }

    test('R0 a key makes a repeated submit the same request, and tells when it is not the same', async () => {
      const space = await addSpace(under, alice)
      const request = (): Parameters<RequestStore['insert']>[0] => {
        return newRequest({ space, user: bob })
      }
      const key = { key: 'once', fingerprint: 'a' }
      expect(await store.findByKey(request(), key)).toBeNull()
      const asked = [request(), request()]
      const made = await Promise.all(asked.map((one) => store.insert(one, NO_LIMITS, { key })))
      const [first = newRequestId(), second] = made.map(({ id }) => id)
      expect(second).toBe(first)
      expect(asked.map(({ id }) => id)).toContain(first)
      expect((await store.insert(request(), { ...NO_LIMITS, maxQueue: 1 }, { key })).id).toBe(first)
      expect(await store.findByKey(request(), key)).toBe(first)
      expect(await codeOf(store.insert(request(), NO_LIMITS, { key: { ...key, fingerprint: 'b' } }))).toBe('key_reused')
      expect((await store.insert({ ...request(), userId: alice }, NO_LIMITS, { key })).id).not.toBe(first)
      expect(await store.waiting(space.id, 10)).toHaveLength(2)
    })

    test('R0b a claim that begins once a request is said to be claimable gets it', async () => {
      const space = await addSpace(under, alice)
      const request = newRequest({ space, user: bob })
      const claims: ReturnType<RequestStore['claim']>[] = []
      const inserted = store.insert(request, NO_LIMITS, { onPlaced: () => claims.push(store.claim(newClaim(space))) })
      expect(await inserted).toEqual({ id: request.id, begun: false })
      expect(claims).toHaveLength(1)
      expect((await Promise.all(claims)).flat().map(({ id }) => id)).toEqual([request.id])
    })

    test('R1 an inserted request waits, with its first event', async () => {
      const { space, ids } = await waiting(1)
      const [id = newRequestId()] = ids
      expect(await store.find(id)).toMatchObject({
        id,
        spaceId: space.id,
        space: `Alice/${space.name}`,
        spaceOwnerId: alice,
        userId: bob,
        username: 'Bob',
        phase: { at: 'waiting' },
        input: { prompt: 'prompt 0' },
        result: null,
        error: null,
        attempt: 0,
        lastSeq: 1,
        createdAt: NOON,
        finishedAt: null,
      })
      expect(await store.events(id, 0, 10)).toEqual([{ seq: 1, at: new Date(NOON).toISOString(), type: 'status', ...SUBMITTED }])
    })

    test('R2 an insert beyond the queue, the interval or the quota is refused and leaves nothing', async () => {
      const { space, ids } = await waiting(2)
      expect(await insert(space, { maxQueue: 2 })).toBe('queue_full')
      expect(await insert(space, { minIntervalSeconds: 10 }, NOON + 9_999)).toBe('too_fast')
      expect(await insert(space, { dailyQuota: 2 }, NOON + 60_000)).toBe('quota_exceeded')
      expect(await store.waiting(space.id, 10)).toEqual(ids)
      expect(await insert(space, { maxQueue: 3 })).toBe('accepted')
      expect(await insert(space, { minIntervalSeconds: 10 }, NOON + 10_000)).toBe('accepted')
      // The quota's day ends at midnight, UTC.
      expect(await insert(space, { dailyQuota: 2 }, NOON + 12 * 3_600_000)).toBe('accepted')
    })

    test('R2b quotas count per user and space, finished requests included; the queue counts what waits', async () => {
      const { space, ids } = await waiting(1)
      const other = await addSpace(under, alice)
      for (const id of ids) await store.apply(id, { type: 'canceled', at: NOON })
      expect(await insert(space, { maxQueue: 1 })).toBe('accepted')
      expect(await insert(space, { dailyQuota: 2, maxQueue: 2 })).toBe('quota_exceeded')
      expect(await insert(other, { dailyQuota: 1, minIntervalSeconds: 60 })).toBe('accepted')
    })

    test('R2c a request for a space that is gone is refused', async () => {
      expect(await insert({ id: newSpaceId() }, {})).toBe('space_not_found')
    })

    test('R2d of inserts at the same time no more are accepted than there is room for', async () => {
      const { space } = await waiting(0)
      const codes = await Promise.all(Array.from({ length: 8 }, () => insert(space, { maxQueue: 3 })))
      expect(codes.filter((code) => code === 'accepted')).toHaveLength(3)
      expect(await store.counts(space.id)).toEqual({ queued: 3, processing: 0 })
    })

    test('R3 a claim hands out the oldest first and never the same request twice', async () => {
      const { space, ids } = await waiting(9)
      const claims = await Promise.all([2, 1, 3].map((start) => store.claim(newClaim(space, { start }))))
      const claimed = claims.flat().map((request) => request.id)
      expect(claimed.toSorted()).toEqual(ids.slice(0, 6))
      for (const claim of claims) expect(claim.map(({ id }) => id)).toEqual(claim.map(({ id }) => id).toSorted())
      const rest = await store.claim(newClaim(space, { start: 0, hold: 100 }))
      expect(rest.map(({ id }) => id)).toEqual(ids.slice(6))
      expect(await store.claim(newClaim(space, { start: 5, hold: 5 }))).toEqual([])
    })

    test('R4 a claim begins the first of what it takes; the rest is held and still counts as waiting', async () => {
      const { space, ids } = await waiting(3)
      const claimed = await store.claim(newClaim(space, { start: 1, hold: 1 }))
      expect(claimed).toMatchObject([
        { id: ids[0], started: true, attempt: 1, username: 'Bob', input: { prompt: 'prompt 0' } },
        { id: ids[1], started: false, attempt: 1, events: [] },
      ])
      expect(claimed[0]?.events).toMatchObject([{ seq: 2, type: 'status', status: 'processing', attempt: 1, instance: 'gpu-box' }])
      expect(await store.events(claimed[0]?.id ?? newRequestId(), 1, 10)).toEqual(claimed[0]?.events)
      expect(await store.counts(space.id)).toEqual({ queued: 2, processing: 1 })
      expect(await store.waiting(space.id, 10)).toEqual(ids.slice(1))
    })

    test('what goes back before it was begun leaves no trace in its log, however often', async () => {
      const { space, ids } = await waiting(1)
      const [id = newRequestId()] = ids
      for (let time = 0; time < 3; time += 1) {
        const claim = newClaim(space, { start: 0, hold: 1 })
        const by = byOf(claim, await store.claim(claim))
        const lost = await store.apply(id, { type: 'lost', by, at: NOON, reason: 'app_lost' })
        expect(lost).toMatchObject({ ok: true, changed: true, request: { phase: { at: 'waiting' }, losses: 0 }, events: [] })
      }
      expect(await store.events(id, 0, 10)).toMatchObject([{ seq: 1, ...SUBMITTED }])
      expect(await store.find(id)).toMatchObject({ lastSeq: 1, attempt: 0, phase: { at: 'waiting' } })
    })

    test('R5 a claim takes nothing of another space', async () => {
      const { ids } = await waiting(1)
      const other = await addSpace(under, alice)
      expect(await store.claim(newClaim(other, { start: 10, hold: 10 }))).toEqual([])
      expect((await store.find(ids[0] ?? newRequestId()))?.phase).toEqual({ at: 'waiting' })
    })

    test('R6 of facts that exclude each other, one applies and the others are refused', async () => {
      const { space, ids } = await waiting(1)
      const [id = newRequestId()] = ids
      const claim = newClaim(space)
      const by = byOf(claim, await store.claim(claim))
      const applied = await Promise.all([
        store.apply(id, { type: 'reported', by, at: NOON + 2_000, outcome: DONE }),
        store.apply(id, { type: 'canceled', at: NOON + 2_000 }),
        store.apply(id, { type: 'timed_out', at: claim.deadlineAt, seconds: 60 }),
        store.apply(id, { type: 'reported', by, at: NOON + 2_000, outcome: DONE }),
      ])
      expect(applied.filter(({ ok }) => ok)).toHaveLength(1)
      expect(applied.filter((answer) => !answer.ok).map(({ code }) => code)).toEqual(Array(3).fill('request_finished'))
      expect((await store.events(id, 2, 10)).map(({ type }) => type)).toEqual(['result'])
    })

    test('R7 a result is stored once, and comes with the event that tells of it', async () => {
      const { space, ids } = await waiting(1)
      const [id = newRequestId()] = ids
      const claim = newClaim(space)
      const by = byOf(claim, await store.claim(claim))
      const outcome: Outcome = { status: 'failed', error: { code: 'app_failed', message: '坏了' }, result: { partial: [1, { two: null }] } }
      const applied = await store.apply(id, { type: 'reported', by, at: NOON + 5_000, outcome })
      expect(applied).toMatchObject({
        ok: true,
        changed: true,
        request: { phase: { at: 'finished', status: 'failed' }, finishedAt: NOON + 5_000 },
      })
      expect(await store.events(id, 2, 10)).toEqual([{ seq: 3, at: new Date(NOON + 5_000).toISOString(), type: 'result', outcome }])
      expect(await store.find(id)).toMatchObject({ result: outcome.result, error: outcome.error, deadlineAt: null })
    })

    test('R8 a fact about an unknown request is refused', async () => {
      expect(await store.apply(newRequestId(), { type: 'canceled', at: NOON })).toEqual({ ok: false, code: 'not_found', request: null })
    })

    test('R9 what is lost waits again, in its old place', async () => {
      const { space, ids } = await waiting(2)
      const [id = newRequestId()] = ids
      const claim = newClaim(space)
      const by = byOf(claim, await store.claim(claim))
      await store.apply(id, { type: 'lost', by, at: NOON + 2_000, reason: 'app_lost' })
      expect(await store.find(id)).toMatchObject({
        phase: { at: 'waiting' },
        attempt: 1,
        instance: null,
        startedAt: null,
        deadlineAt: null,
      })
      expect(await store.events(id, 2, 10)).toMatchObject([{ seq: 3, type: 'status', status: 'queued', attempt: 1, reason: 'app_lost' }])
      expect(await store.waiting(space.id, 10)).toEqual(ids)
      expect(await store.claim(newClaim(space))).toMatchObject([{ id, attempt: 2 }])
    })

    test('R10 reports are numbered on from the log, one answer each, in the order asked', async () => {
      const { space, ids } = await waiting(2)
      const [first = newRequestId(), second = newRequestId()] = ids
      const claim = newClaim(space, { start: 2 })
      const claimed = await store.claim(claim)
      const [by, bySecond] = [byOf(claim, claimed), byOf(claim, claimed.slice(1))]
      const reports: Report[] = [
        { type: 'progress', progress: 0.25, message: '25%' },
        { type: 'output', text: 'Hello' },
        { type: 'log', level: 'info', line: 'a line' },
      ]
      const answers = await store.append(
        [
          { requestId: first, by, reports },
          { requestId: newRequestId(), by, reports },
          { requestId: second, by: { ...by, id: newLeaseId() }, reports },
          { requestId: second, by: { ...by, connectionId: newConnectionId() }, reports },
          { requestId: second, by: bySecond, reports: reports.slice(0, 1) },
        ],
        NOON + 3_000,
      )
      const at = new Date(NOON + 3_000).toISOString()
      const events = reports.map((report, index) => ({ seq: 3 + index, at, ...report }))
      expect(answers).toEqual([
        { ok: true, events },
        { ok: false, code: 'not_found' },
        { ok: false, code: 'stale_lease' },
        { ok: false, code: 'stale_lease' },
        { ok: true, events: [{ seq: 3, at, ...reports[0] }] },
      ])
      expect(await store.events(first, 2, 10)).toEqual(events)
      expect(await store.find(first)).toMatchObject({ progress: 0.25, lastSeq: 5 })
      await store.apply(first, { type: 'reported', by, at: NOON + 4_000, outcome: DONE })
      expect(await store.append([{ requestId: first, by, reports }], NOON)).toEqual([{ ok: false, code: 'request_finished' }])
    })

    test('R11 output and events are kept up to their limits; a result fits always', async () => {
      const { space, ids } = await waiting(1)
      const [requestId = newRequestId()] = ids
      const claim = newClaim(space)
      const by = byOf(claim, await store.claim(claim))
      const codes = async (reports: Report[]): Promise<string[]> =>
        (await store.append([{ requestId, by, reports }], NOON)).map((answer) => (answer.ok ? 'stored' : answer.code))
      const text = 'x'.repeat(LIMITS.outputChars - 1)
      expect(await codes([{ type: 'output', text }])).toEqual(['stored'])
      expect(await codes([{ type: 'output', text: 'xy' }])).toEqual(['output_full'])
      expect(await codes([{ type: 'output', text: 'x' }])).toEqual(['stored'])
      const lines = Array.from({ length: LIMITS.eventsPerRequest - 4 }, (): Report => ({ type: 'log', level: 'info', line: 'l' }))
      expect(await codes(lines)).toEqual(['stored'])
      expect(await codes(lines.slice(0, 1))).toEqual(['output_full'])
      expect(await store.apply(requestId, { type: 'reported', by, at: NOON, outcome: DONE })).toMatchObject({ ok: true })
      expect(await store.events(requestId, LIMITS.eventsPerRequest, 10)).toMatchObject([
        { seq: LIMITS.eventsPerRequest + 1, type: 'result' },
      ])
    })
  })
}
