import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RequestId, TIMING, type UserId } from '@websocket-spaces/protocol'
import type { RequestStore } from '../../src/requests/ports.ts'
import { recover } from '../../src/requests/recover.ts'
import { createRequestStore } from '../../src/store/requests/index.ts'
import {
  addRequests,
  addSpace,
  byOf,
  codeOf,
  DONE,
  newClaim,
  newConnectionId,
  newRequest,
  newRequestId,
  newSpaceId,
  NO_LIMITS,
  NOON,
} from '../support/material.ts'
import type { StoreUnderTest } from '../support/sqlite-store.ts'

/** What every request store answers when it is asked. */
export function requestReadsContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} asked about requests`, () => {
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

    async function pagesOf(query: Omit<Parameters<RequestStore['page']>[0], 'limit' | 'before'>, limit: number): Promise<RequestId[][]> {
      const pages: RequestId[][] = []
      for (let before: RequestId | undefined; ;) {
        const page = (await store.page({ ...query, ...(before === undefined ? {} : { before }), limit })).map(({ id }) => id)
        if (page.length === 0) return pages
        pages.push(page)
        before = page.at(-1)
      }
    }

    test('Q1 pages go from the newest to the oldest, each request once', async () => {
      const space = await addSpace(under, alice)
      const other = await addSpace(under, alice)
      const ids = await addRequests(under, { space, user: bob }, 5)
      const elsewhere = await addRequests(under, { space: other, user: bob }, 1)
      const hers = await addRequests(under, { space, user: alice }, 1)
      expect(await pagesOf({ spaceId: space.id, userId: bob }, 2)).toEqual([[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]])
      expect(await pagesOf({ spaceId: space.id }, 10)).toEqual([[...hers, ...ids.toReversed()]])
      expect(await pagesOf({ userId: bob }, 10)).toEqual([[...elsewhere, ...ids.toReversed()]])
    })

    test('Q2 events are read from a cursor on, in pages', async () => {
      const space = await addSpace(under, alice)
      const [id = newRequestId()] = await addRequests(under, { space, user: bob }, 1)
      const claim = newClaim(space)
      const by = byOf(claim, await store.claim(claim))
      const reports = Array.from({ length: 5 }, (_, index) => ({ type: 'output', text: `${index}` }) as const)
      await store.append([{ requestId: id, by, reports }], NOON)
      await store.apply(id, { type: 'reported', by, at: NOON, outcome: DONE })
      const seqs = async (after: number, limit: number): Promise<number[]> => (await store.events(id, after, limit)).map(({ seq }) => seq)
      expect(await seqs(0, 100)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
      expect(await seqs(2, 3)).toEqual([3, 4, 5])
      expect(await seqs(7, 100)).toEqual([8])
      expect(await seqs(8, 100)).toEqual([])
    })

    test('Q2b the log that an earlier version wrote, in which the row says again how it begins and ends, reads the same', async () => {
      const space = await addSpace(under, alice)
      const [id = newRequestId()] = await addRequests(under, { space, user: bob }, 1)
      const claim = newClaim(space)
      await store.apply(id, { type: 'reported', by: byOf(claim, await store.claim(claim)), at: NOON, outcome: DONE })
      const before = await store.events(id, 0, 10)
      const row = { request_id: id, data: '{}', at: NOON }
      const queued = { ...row, seq: 1, type: 'status', data: '{"status":"queued","attempt":0}' }
      const start = JSON.stringify({ status: 'processing', attempt: 1, instance: claim.instance })
      const started = { ...row, seq: 2, type: 'status', data: start, at: claim.at }
      await under.db
        .insertInto('request_events')
        .values([queued, started, { ...row, seq: 3, type: 'result' }])
        .execute()
      expect(before.map(({ type }) => type)).toEqual(['status', 'status', 'result'])
      expect(await store.events(id, 0, 10)).toEqual(before)
      expect(await store.events(id, 1, 1)).toEqual(before.slice(1, 2))
      expect(await store.milestones(id)).toEqual(before)
    })

    test('Q2c a first start reads the same while it runs, when it is lost, and when an earlier version had written it', async () => {
      const space = await addSpace(under, alice)
      for (const written of [false, true]) {
        const [id = newRequestId()] = await addRequests(under, { space, user: bob }, 1)
        const claim = newClaim(space)
        const by = byOf(claim, await store.claim(claim))
        await store.append([{ requestId: id, by, reports: [{ type: 'output', text: 'so' }] }], NOON)
        const running = await store.events(id, 0, 10)
        expect(running.map(({ seq, type }) => [seq, type])).toEqual([
          [1, 'status'],
          [2, 'status'],
          [3, 'output'],
        ])
        const data = JSON.stringify({ status: 'processing', attempt: 1, instance: claim.instance })
        const start = { request_id: id, seq: 2, type: 'status', data, at: claim.at }
        if (written) await under.db.insertInto('request_events').values(start).execute()
        await store.apply(id, { type: 'lost', by, at: NOON, reason: 'app_lost' })
        expect((await store.events(id, 0, 10)).slice(0, 3)).toEqual(running)
        const again = newClaim(space)
        await store.apply(id, { type: 'reported', by: byOf(again, await store.claim(again)), at: NOON, outcome: DONE })
        const ended = await store.events(id, 1, 10)
        expect(ended.slice(0, 2)).toEqual(running.slice(1))
        expect(
          ended.map((event) => (event.type === 'status' ? [event.seq, event.status, event.attempt] : [event.seq, event.type])),
        ).toEqual([
          [2, 'processing', 1],
          [3, 'output'],
          [4, 'queued', 1],
          [5, 'processing', 2],
          [6, 'result'],
        ])
        expect((await store.milestones(id)).map((event) => event.seq)).toEqual([1, 2, 4, 5, 6])
      }
    })

    test('Q3 a place in the queue counts what waits and was earlier, held or not', async () => {
      const space = await addSpace(under, alice)
      const ids = await addRequests(under, { space, user: bob }, 4)
      await store.claim(newClaim(space, { start: 1, hold: 1 }))
      expect(await Promise.all(ids.slice(1).map((id) => store.waitingBefore(id)))).toEqual([0, 1, 2])
      expect(await store.waiting(space.id, 2)).toEqual(ids.slice(1, 3))
    })

    test('Q4 overdue is what runs past its deadline, with the seconds it was given', async () => {
      const space = await addSpace(under, alice, { deadline_seconds: 60 })
      const [id = newRequestId()] = await addRequests(under, { space, user: bob }, 2)
      const claim = newClaim(space, { start: 1, hold: 1 })
      const by = byOf(claim, await store.claim(claim))
      await under.spaces.update(space.id, { deadline_seconds: 7 }, NOON)
      const ours = async (at: number) => (await store.overdue(at, 1_000)).filter((overdue) => overdue.id === id)
      expect(await ours(claim.deadlineAt - 1)).toEqual([])
      expect(await ours(claim.deadlineAt)).toEqual([{ id, seconds: 60 }])
      await store.apply(id, { type: 'lost', by, at: NOON, reason: 'app_lost' })
      expect(await ours(claim.deadlineAt)).toEqual([])
    })

    test('Q5 held, unfinished and claimable are told apart', async () => {
      const space = await addSpace(under, alice)
      const ids = await addRequests(under, { space, user: bob }, 4)
      const claim = newClaim(space, { start: 1, hold: 1 })
      const claimed = await store.claim(claim)
      await store.apply(ids[3] ?? newRequestId(), { type: 'canceled', at: NOON })
      const leased = (await store.held()).filter(({ id }) => ids.includes(id))
      expect(leased.toSorted((a, b) => a.id.localeCompare(b.id))).toEqual(
        claimed.map((one) => ({ id: one.id, by: byOf(claim, [one]), isCanceling: false })),
      )
      expect(await store.unfinished(space.id, 10)).toEqual(ids.slice(0, 3))
      expect(await store.unfinished(space.id, 2)).toEqual(ids.slice(0, 2))
      expect(await store.spacesWithClaimable()).toContain(space.id)
      await store.claim(newClaim(space, { start: 1 }))
      expect(await store.spacesWithClaimable()).not.toContain(space.id)
    })

    test('Q6 totals count what is alive now and what finished since', async () => {
      await using fresh = await open()
      const owner = await fresh.addUser('Carol')
      const space = await addSpace(fresh, owner)
      const ids = await addRequests(fresh, { space, user: owner }, 5)
      await fresh.requests.claim(newClaim(space, { start: 1, hold: 1 }))
      for (const [index, id] of ids.slice(3).entries()) await fresh.requests.apply(id, { type: 'canceled', at: NOON + index })
      expect(await fresh.requests.totals(NOON + 1)).toEqual({ queued: 2, processing: 1, finished: 1 })
    })

    test('Q11 the pace of a space is how long its last completed requests took, and since when others run', async () => {
      const space = await addSpace(under, alice)
      const ids = await addRequests(under, { space, user: bob }, 4)
      const claim = newClaim(space, { start: 3 })
      const by = byOf(claim, await store.claim(claim))
      const { at } = claim
      await store.apply(ids[0] ?? newRequestId(), { type: 'reported', by, at: at + 7_000, outcome: DONE })
      await store.apply(ids[1] ?? newRequestId(), { type: 'canceled', at: at + 9_000 })
      expect(await store.pace(space.id)).toEqual({ durations: [7_000], startedAt: [at] })
    })

    test('Q7 a removed space takes its requests and their events along', async () => {
      const space = await addSpace(under, alice)
      const [id = newRequestId()] = await addRequests(under, { space, user: bob }, 1)
      await store.apply(id, { type: 'canceled', at: NOON })
      expect(await under.spaces.remove(space.id)).toBe(true)
      expect(await store.find(id)).toBeNull()
      expect(await store.events(id, 0, 10)).toEqual([])
      expect(await store.page({ spaceId: space.id, limit: 10 })).toEqual([])
    })

    test('Q8 a space is not removed while something in it is unfinished', async () => {
      const space = await addSpace(under, alice)
      const ids = await addRequests(under, { space, user: bob }, 2)
      await store.claim(newClaim(space, { start: 1 }))
      for (const id of ids) {
        expect(await under.spaces.remove(space.id)).toBe(false)
        expect(await under.spaces.find(space.id)).toEqual(space)
        await store.apply(id, { type: 'canceled', at: NOON })
      }
      expect(await under.spaces.remove(space.id)).toBe(true)
      expect(await under.spaces.remove(newSpaceId())).toBe(true)
    })

    test('Q9 of a submit and a removal at the same time one finds the other', async () => {
      const race = async (): Promise<[string, boolean]> => {
        const space = await addSpace(under, alice)
        const request = newRequest({ space, user: bob })
        return Promise.all([codeOf(store.insert(request, NO_LIMITS)), under.spaces.remove(space.id)])
      }
      const ends = await Promise.all(Array.from({ length: 20 }, race))
      for (const end of ends)
        expect([
          ['accepted', false],
          ['space_not_found', true],
        ]).toContainEqual(end)
    })

    test('Q10 a page has no results, and one request has', async () => {
      const space = await addSpace(under, alice)
      const [id = newRequestId()] = await addRequests(under, { space, user: bob }, 1)
      const claim = newClaim(space)
      const by = byOf(claim, await store.claim(claim))
      await store.apply(id, { type: 'reported', by, at: NOON, outcome: DONE })
      const whole = await store.find(id)
      expect(whole).toMatchObject(DONE.status === 'completed' ? { result: DONE.result } : {})
      expect(await store.page({ spaceId: space.id, limit: 10 })).toEqual([{ ...whole, result: null }])
    })

    test('Q11 whoever finds a node dead knows which apps renew their leases, and gives these no longer than that', async () => {
      const space = await addSpace(under, alice)
      const ids = await addRequests(under, { space, user: bob }, 3)
      const holder = { connectionId: newConnectionId(), instance: null, app: 'renews', renews: true }
      await store.claim(newClaim(space, holder))
      await store.claim(newClaim(space))
      const claim = newClaim(space)
      const { id: leaseId } = byOf(claim, await store.claim(claim))
      await store.apply(ids[2] ?? newRequestId(), { type: 'resumed', leaseId, at: NOON, to: holder })
      const next = createRequestStore(under.db, 'next')
      await recover({ store: next, graceFor: 2 * TIMING.leaseFor, now: () => NOON })
      const until = async (id: RequestId): Promise<unknown> => {
        const phase = (await next.find(id))?.phase
        return phase !== undefined && 'lease' in phase ? (phase.lease.away?.until ?? 0) - NOON : phase
      }
      expect(await Promise.all(ids.map(until))).toEqual([TIMING.leaseFor, 2 * TIMING.leaseFor, TIMING.leaseFor])
    })
  })
}
