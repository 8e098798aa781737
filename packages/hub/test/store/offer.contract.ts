import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserId } from '@websocket-spaces/protocol'
import type { RequestStore } from '../../src/requests/ports.ts'
import { addRequests, addSpace, codeOf, newClaim, newOffer, newRequestId, newSpaceId, NO_LIMITS, NOON } from '../support/material.ts'
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
      const request = { id, spaceId: space.id, userId: bob, priority: 'low' as const, input: { prompt: 'p' }, createdAt: NOON }
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
      const request = { id, spaceId: space.id, userId: bob, priority: 'normal' as const, input: { prompt: 'p' }, createdAt: NOON }
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

    test('R0d whoever is offered a slot overtakes nobody who waits, and is held to the limits', async () => {
      const space = await addSpace(under, alice)
      const ids = await addRequests(under, { space, user: bob }, 1)
      const { offer } = newOffer()
      const request = {
        id: newRequestId(),
        spaceId: space.id,
        userId: alice,
        priority: 'high' as const,
        input: { prompt: 'p' },
        createdAt: NOON,
      }
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

    test('R0e a key made by another takes no slot', async () => {
      const space = await addSpace(under, alice)
      const key = { key: 'once', fingerprint: 'a' }
      const request = {
        id: newRequestId(),
        spaceId: space.id,
        userId: bob,
        priority: 'normal' as const,
        input: { prompt: 'p' },
        createdAt: NOON,
      }
      expect(await store.insert(request, NO_LIMITS, { key, offer: newOffer().offer })).toEqual({ id: request.id, begun: true })
      const again = { ...request, id: newRequestId() }
      expect(await store.insert(again, NO_LIMITS, { key, offer: newOffer().offer })).toEqual({ id: request.id, begun: false })
      expect(await store.find(again.id)).toBeNull()
    })
  })
}
