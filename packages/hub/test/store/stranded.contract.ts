import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEFAULTS, type RequestId, type UserId } from '@websocket-spaces/protocol'
import type { StoredSpace } from '../../src/spaces/ports.ts'
import { addRequests, addSpace, newClaim, newRequestId, NOON } from '../support/material.ts'
import type { StoreUnderTest } from '../support/sqlite-store.ts'

const HOUR = 3_600_000

/** Which requests wait where no app comes. */
export function strandedContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} asked where no app comes`, () => {
    let under: StoreUnderTest
    let alice: UserId
    beforeAll(async () => {
      under = await open()
      alice = await under.addUser('Alice')
    })
    afterAll(() => under[Symbol.asyncDispose]())

    async function waitingIn(settings: Parameters<typeof addSpace>[2], count = 1): Promise<{ space: StoredSpace; ids: RequestId[] }> {
      const space = await addSpace(under, alice, settings)
      return { space, ids: await addRequests(under, { space, user: alice }, count) }
    }

    async function secondsIn({ id }: StoredSpace, at: number): Promise<number | undefined> {
      return (await under.requests.strandedSpaces(at)).find(({ spaceId }) => spaceId === id)?.seconds
    }

    test('P1 a space is stranded when its oldest request has waited as long as it holds them', async () => {
      const { space } = await waitingIn({ hold_seconds: 3_600 })
      expect(await secondsIn(space, NOON + HOUR - 1)).toBeUndefined()
      expect(await secondsIn(space, NOON + HOUR)).toBe(3_600)
    })

    test('P2 it is not while an app was seen as lately', async () => {
      const { space } = await waitingIn({ hold_seconds: 3_600 })
      await under.spaces.markSeen([space.id], NOON + HOUR)
      expect(await secondsIn(space, NOON + 2 * HOUR - 1)).toBeUndefined()
      expect(await secondsIn(space, NOON + 2 * HOUR)).toBe(3_600)
    })

    test('P3 what a refusing space had accepted waits for a day', async () => {
      const { space } = await waitingIn({})
      const day = DEFAULTS.strandedSeconds
      expect(await secondsIn(space, NOON + day * 1_000 - 1)).toBeUndefined()
      expect(await secondsIn(space, NOON + day * 1_000)).toBe(day)
    })

    test('P4 what an app holds, runs or has finished is not stranded', async () => {
      const { space, ids } = await waitingIn({ hold_seconds: 60 }, 3)
      await under.requests.claim(newClaim(space, { start: 1, hold: 1 }))
      await under.requests.apply(ids[2] ?? newRequestId(), { type: 'canceled', at: NOON })
      expect(await secondsIn(space, NOON + HOUR)).toBeUndefined()
      expect(await under.requests.unclaimed(space.id, NOON + HOUR, 10)).toEqual([])
    })

    test('P5 unclaimed are the oldest, accepted until then, and no more than asked for', async () => {
      const { space, ids } = await waitingIn({ hold_seconds: 60 }, 3)
      const later = await addRequests(under, { space, user: alice }, 1, NOON + HOUR)
      const until = (before: number, limit = 10): Promise<RequestId[]> => under.requests.unclaimed(space.id, before, limit)
      expect(await until(NOON - 1)).toEqual([])
      expect(await until(NOON)).toEqual(ids)
      expect(await until(NOON, 2)).toEqual(ids.slice(0, 2))
      expect(await until(NOON + HOUR)).toEqual([...ids, ...later])
    })

    test('P6 a stranded request fails once, unless an app has it', async () => {
      const { space, ids } = await waitingIn({ hold_seconds: 60 }, 2)
      const [first = newRequestId(), second = newRequestId()] = ids
      await under.requests.claim(newClaim(space, { start: 1 }))
      const fact = { type: 'stranded', at: NOON + HOUR, within: '1 min' } as const
      expect(await under.requests.apply(first, fact)).toMatchObject({ ok: true, changed: false })
      const both = await Promise.all([under.requests.apply(second, fact), under.requests.apply(second, fact)])
      expect(both.filter(({ ok }) => ok)).toHaveLength(1)
      expect(await under.requests.find(second)).toMatchObject({
        phase: { at: 'finished', status: 'failed' },
        error: { code: 'app_stayed_away', message: expect.stringContaining('1 min') as string },
      })
      expect((await under.requests.events(second, 0, 10)).map(({ type }) => type)).toEqual(['status', 'result'])
    })
  })
}
