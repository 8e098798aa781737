import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RequestId, UserId } from '@websocket-spaces/protocol'
import type { RequestStore } from '../../src/requests/ports.ts'
import type { StoredSpace } from '../../src/spaces/ports.ts'
import { addRequests, addSpace, byOf, newClaim, newRequest, newRequestId, NO_LIMITS, NOON } from '../support/material.ts'
import type { StoreUnderTest } from '../support/sqlite-store.ts'

/** Deleting what is old, and only that. */
export function pruneContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} as what old requests are deleted from`, () => {
    let under: StoreUnderTest
    let store: RequestStore
    let alice: UserId
    beforeAll(async () => {
      under = await open()
      store = under.requests
      alice = await under.addUser('Alice')
    })
    afterAll(() => under[Symbol.asyncDispose]())

    async function finishedIn(space: StoredSpace, count: number, at = NOON): Promise<RequestId[]> {
      const ids = await addRequests(under, { space, user: alice }, count)
      for (const id of ids) await store.apply(id, { type: 'canceled', at })
      return ids
    }

    async function pruneAll(which: Parameters<RequestStore['prune']>[0]): Promise<number> {
      const count = await store.prune(which)
      return count === 0 ? 0 : count + (await pruneAll(which))
    }

    const left = async (space: StoredSpace): Promise<RequestId[]> =>
      (await store.page({ spaceId: space.id, limit: 1_000 })).map(({ id }) => id).toReversed()

    test('D1 what finished before goes, with its events; what finished later or is alive stays', async () => {
      const space = await addSpace(under, alice)
      const [old = newRequestId()] = await finishedIn(space, 1, NOON - 1)
      const kept = await finishedIn(space, 1, NOON)
      const alive = await addRequests(under, { space, user: alice }, 3)
      await store.claim(newClaim(space, { start: 1, hold: 1 }))
      expect(await pruneAll({ finishedBefore: NOON })).toBe(1)
      expect(await left(space)).toEqual([...kept, ...alive])
      expect(await store.find(old)).toBeNull()
      expect(await store.events(old, 0, 10)).toEqual([])
      expect(await store.events(kept[0] ?? newRequestId(), 0, 10)).toHaveLength(2)
    })

    test('D2 of one space only, where one is named', async () => {
      const [one, other] = [await addSpace(under, alice), await addSpace(under, alice)]
      await finishedIn(one, 2)
      const kept = await finishedIn(other, 1)
      expect(await pruneAll({ finishedBefore: NOON + 1, spaceId: one.id })).toBe(2)
      expect(await left(one)).toEqual([])
      expect(await left(other)).toEqual(kept)
    })

    test('D3 a key goes with its request, and may then make another', async () => {
      const space = await addSpace(under, alice)
      const key = { key: 'once', fingerprint: 'a' }
      const submit = async (): Promise<RequestId> => {
        const request = newRequest({ space, user: alice })
        return (await store.insert(request, NO_LIMITS, { key })).id
      }
      const first = await submit()
      await store.apply(first, { type: 'canceled', at: NOON })
      expect(await submit()).toBe(first)
      await pruneAll({ finishedBefore: NOON + 1, spaceId: space.id })
      expect(await store.findByKey({ userId: alice, spaceId: space.id }, key)).toBeNull()
      expect(await submit()).not.toBe(first)
    })

    test('D4 many go in steps, those with a long log in smaller ones', async () => {
      const space = await addSpace(under, alice)
      await finishedIn(space, 150)
      const steps: number[] = []
      for (let step = -1; step !== 0; steps.push(step)) step = await store.prune({ finishedBefore: NOON + 1, spaceId: space.id })
      expect(steps.length).toBeGreaterThan(2)
      expect(steps.reduce((sum, step) => sum + step, 0)).toBe(150)

      const talkative = await addRequests(under, { space, user: alice }, 3)
      const claim = newClaim(space, { start: 3 })
      const claimed = await store.claim(claim)
      const reports = Array.from({ length: 1_500 }, () => ({ type: 'log', level: 'info', line: 'l' }) as const)
      await store.append(
        claimed.map((one) => ({ requestId: one.id, by: byOf(claim, [one]), reports })),
        NOON,
      )
      for (const id of talkative) await store.apply(id, { type: 'canceled', at: NOON })
      expect(await store.prune({ finishedBefore: NOON + 1, spaceId: space.id })).toBe(1)
    })

    test('D5 done twice at the same time, it is done once', async () => {
      const space = await addSpace(under, alice)
      await finishedIn(space, 40)
      const which = { finishedBefore: NOON + 1, spaceId: space.id }
      const [one, other] = await Promise.all([pruneAll(which), pruneAll(which)])
      expect(one + other).toBe(40)
      expect(await left(space)).toEqual([])
    })
  })
}
