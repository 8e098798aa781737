import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Outcome, UserId } from '@websocket-spaces/protocol'
import { begunRequest } from '../../src/requests/begun-request.ts'
import type { Fact, LeaseRef } from '../../src/requests/lifecycle.ts'
import type { RequestStore, StoredRequest } from '../../src/requests/ports.ts'
import {
  addRequests,
  addSpace,
  codeOf,
  newClaim,
  newConnectionId,
  newOffer,
  newRequest,
  newRequestId,
  newSpaceId,
  NO_LIMITS,
  NOON,
} from '../support/material.ts'
import type { StoreUnderTest } from '../support/sqlite-store.ts'

const SUBMITTED = { status: 'queued', attempt: 0 }

/** What any store does with a slot that a request is offered as it is inserted. */
export function offerContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name}, offered a slot`, () => {
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

    test('R0c where nobody waits a request takes the slot it is offered, and begins as it is accepted', async () => {
      const space = await addSpace(under, alice)
      const { offer, lease } = newOffer()
      const committed: unknown[] = []
      const id = newRequestId()
      const request = newRequest({ space, user: bob, priority: 'low' }, { id })
      const inserted = await store.insert(request, { ...NO_LIMITS, maxQueue: 1 }, { offer, onCommitted: (made) => committed.push(made) })
      expect([inserted, ...committed]).toEqual([
        { id, begun: true },
        { id, begun: true },
      ])
      expect(await store.find(id)).toMatchObject({
        phase: { at: 'running', lease: { ...lease, away: null }, startedAt: offer.at, deadlineAt: offer.deadlineAt },
        attempt: 1,
        lastSeq: 2,
        priority: 'low',
        instance: 'gpu-box',
      })
      expect(await store.events(id, 0, 10)).toEqual([
        { seq: 1, at: new Date(NOON).toISOString(), type: 'status', ...SUBMITTED },
        { seq: 2, at: new Date(offer.at).toISOString(), type: 'status', status: 'processing', attempt: 1, instance: 'gpu-box' },
      ])
      expect(await store.counts(space.id)).toEqual({ queued: 0, processing: 1 })
      expect(await store.claim(newClaim(space))).toEqual([])
      expect(await store.held()).toContainEqual({ id, by: { id: offer.leaseId, connectionId: offer.connectionId }, isCanceling: false })
      const by = { id: offer.leaseId, connectionId: offer.connectionId }
      expect(await store.apply(id, { type: 'lost', by, at: NOON + 2_000, reason: 'app_lost' })).toMatchObject({ ok: true, changed: true })
      expect((await store.claim(newClaim(space))).map((claimed) => [claimed.id, claimed.attempt])).toEqual([[id, 2]])
    })

    test('R0e whoever is told nothing before the end does not wait for the disk, which has it soon', async () => {
      const space = await addSpace(under, alice)
      const id = newRequestId()
      const request = newRequest({ space, user: bob }, { id })
      const { promise, resolve } = Promise.withResolvers<unknown>()
      const inserted = await store.insert(request, NO_LIMITS, { offer: newOffer().offer, onLasting: resolve })
      expect(await promise).toEqual(inserted)
      expect(inserted).toEqual({ id, begun: true })
      let isTold = false
      const again = { ...request, id: newRequestId() }
      await store.insert(again, NO_LIMITS, { onLasting: () => void (isTold = true) })
      await store.told()
      expect(isTold).toBe(true)
      const refused = { ...request, id: newRequestId(), spaceId: newSpaceId() }
      const onLasting = (): never => {
        throw new Error('told of what was refused')
      }
      expect(await codeOf(store.insert(refused, NO_LIMITS, { onLasting }))).toBe('space_not_found')
    })

    /** A request that took a slot, and how its hub knows it. */
    async function begin(): Promise<{ last: StoredRequest; by: LeaseRef }> {
      const space = await addSpace(under, alice)
      const { offer } = newOffer()
      const request = newRequest({ space, user: bob, priority: 'low' })
      await store.insert(request, NO_LIMITS, { offer })
      return { last: begunRequest(request, 'Bob', space, offer), by: { id: offer.leaseId, connectionId: offer.connectionId } }
    }

    test('R0g what its hub knows of a request that just began is how it stands in the store', async () => {
      const { last } = await begin()
      expect(await store.find(last.id)).toEqual(last)
    })

    const result = { text_output: '好' }
    const outcomes: readonly Outcome[] = [
      { status: 'completed', result },
      { status: 'failed', error: { code: 'app_failed', message: 'No' }, result },
      { status: 'failed', error: { code: 'result_too_large', message: 'No' }, result: null },
      { status: 'canceled' },
    ]

    test('R0h what ends as it was known to stand ends as if it had been read', async () => {
      for (const outcome of outcomes) {
        const [known, read] = [await begin(), await begin()]
        const fact = (by: LeaseRef): Fact => ({ type: 'reported', by, at: NOON + 3_000, outcome })
        const applied = await store.apply(known.last.id, fact(known.by), known.last)
        const asRead = await store.apply(read.last.id, fact(read.by))
        if (!applied.ok || !asRead.ok) throw new Error('refused')
        const { id, spaceId, space } = known.last
        expect({ ...applied, request: { ...asRead.request, id, spaceId, space } }).toEqual({ ...asRead, request: applied.request })
        expect(await store.find(id)).toEqual(applied.request)
        expect((await store.events(id, 0, 10)).slice(2)).toEqual(applied.events)
        expect((await store.held()).filter((held) => held.id === id)).toEqual([])
        const again = { ok: false, code: 'request_finished' }
        expect(await store.apply(id, fact(known.by), known.last)).toMatchObject(again)
      }
    })

    test('R0i what has happened since it was known counts', async () => {
      const reported = (by: LeaseRef): Fact => ({ type: 'reported', by, at: NOON + 3_000, outcome: { status: 'completed', result } })
      const spoken = await begin()
      await store.append([{ requestId: spoken.last.id, by: spoken.by, reports: [{ type: 'output', text: 'so' }] }], NOON)
      expect(await store.apply(spoken.last.id, reported(spoken.by), spoken.last)).toMatchObject({ ok: true, request: { lastSeq: 4 } })
      const canceling = await begin()
      await store.apply(canceling.last.id, { type: 'cancel_asked', at: NOON + 2_000 })
      const stopped = await store.apply(canceling.last.id, reported(canceling.by), canceling.last)
      expect(stopped).toMatchObject({ ok: true, request: { phase: { at: 'finished', status: 'canceled' }, result: null } })
      const away = await begin()
      await store.apply(away.last.id, { type: 'left', by: away.by, at: NOON + 2_000, until: NOON + 9_000, reason: 'app_lost' })
      expect(await store.apply(away.last.id, reported(away.by), away.last)).toMatchObject({ ok: true, changed: true })
      const moved = await begin()
      const to = { connectionId: newConnectionId(), instance: 'gpu-2', app: 'the app', renews: true }
      await store.apply(moved.last.id, { type: 'resumed', leaseId: moved.by.id, at: NOON + 2_000, to })
      expect(await store.apply(moved.last.id, reported(moved.by), moved.last)).toMatchObject({ ok: false, code: 'stale_lease' })
      expect(await store.find(moved.last.id)).toMatchObject({ instance: 'gpu-2' })
      expect((await store.events(moved.last.id, 1, 10))[0]).toMatchObject({ seq: 2, status: 'processing', instance: 'gpu-box' })
      const lost = await begin()
      await store.apply(lost.last.id, { type: 'lost', by: lost.by, at: NOON + 2_000, reason: 'app_lost' })
      expect(await store.apply(lost.last.id, reported(lost.by), lost.last)).toMatchObject({ ok: false, code: 'stale_lease' })
      expect(await store.apply(newRequestId(), reported(lost.by), { ...lost.last, id: newRequestId() })).toMatchObject({
        code: 'not_found',
      })
    })

    test('R0d whoever is offered a slot overtakes nobody who waits, and is held to the limits', async () => {
      const space = await addSpace(under, alice)
      const ids = await addRequests(under, { space, user: bob }, 1)
      const { offer } = newOffer()
      const request = newRequest({ space, user: alice, priority: 'high' })
      expect(await codeOf(store.insert(request, { ...NO_LIMITS, maxQueue: 1 }, { offer }))).toBe('queue_full')
      expect(await store.insert(request, NO_LIMITS, { offer })).toEqual({ id: request.id, begun: false })
      expect(await store.waiting(space.id, 10)).toEqual([request.id, ...ids])
      await store.claim(newClaim(space, { start: 2 }))
      const again = { ...request, id: newRequestId() }
      expect(await codeOf(store.insert(again, { ...NO_LIMITS, minIntervalSeconds: 10 }, { offer }))).toBe('too_fast')
      expect(await codeOf(store.insert(again, { ...NO_LIMITS, dailyQuota: 1 }, { offer }))).toBe('quota_exceeded')
      // What an app has in its own queue waits for that app alone.
      expect(await store.insert(again, NO_LIMITS, { offer })).toEqual({ id: again.id, begun: true })
    })

    test('R0f a key made by another takes no slot', async () => {
      const space = await addSpace(under, alice)
      const key = { key: 'once', fingerprint: 'a' }
      const request = newRequest({ space, user: bob })
      expect(await store.insert(request, NO_LIMITS, { key, offer: newOffer().offer })).toEqual({ id: request.id, begun: true })
      const again = { ...request, id: newRequestId() }
      expect(await store.insert(again, NO_LIMITS, { key, offer: newOffer().offer })).toEqual({ id: request.id, begun: false })
      expect(await store.find(again.id)).toBeNull()
    })
  })
}
