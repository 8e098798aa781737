import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PRIORITIES, type Priority, type RequestId, type UserId } from '@websocket-spaces/protocol'
import type { StoredSpace } from '../../src/spaces/ports.ts'
import { addRequests, addSpace, byOf, newClaim, newRequestId, NOON } from '../support/material.ts'
import type { StoreUnderTest } from '../support/sqlite-store.ts'

const USERS = ['Alice', 'Bob', 'Carol'] as const
type User = (typeof USERS)[number]

interface Waiting {
  readonly id: RequestId
  readonly user: User
  readonly priority: Priority
}

type Happening =
  | { readonly type: 'submit'; readonly user: User; readonly priority: Priority; readonly count: number }
  | { readonly type: 'claim'; readonly count: number }

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({
    type: fc.constant('submit' as const),
    user: fc.constantFrom(...USERS),
    priority: fc.constantFrom('normal', 'normal', 'normal', ...PRIORITIES),
    count: fc.constantFrom(1, 1, 1, 2, 6),
  }),
  fc.record({ type: fc.constant('claim' as const), count: fc.integer({ min: 1, max: 3 }) }),
)

/** In which order any store has those served who wait. */
export function fairnessContract(name: string, open: () => Promise<StoreUnderTest>, numRuns = 60): void {
  describe(`${name}, fair`, () => {
    let under: StoreUnderTest
    let space: StoredSpace
    const users = new Map<User, UserId>()
    beforeAll(async () => {
      under = await open()
      for (const user of USERS) users.set(user, await under.addUser(user))
    })
    afterAll(() => under[Symbol.asyncDispose]())

    async function submit(user: User, count = 1, priority: Priority = 'normal'): Promise<RequestId[]> {
      const userId = users.get(user)
      if (userId === undefined) throw new Error('no such user')
      return addRequests(under, { space, user: userId, priority }, count)
    }

    async function claim(start = 1): Promise<RequestId[]> {
      return (await under.requests.claim(newClaim(space, { start }))).map(({ id }) => id)
    }

    /** Whose requests are claimed, one after the other, until none waits. */
    async function served(): Promise<string> {
      const all = await under.requests.claim(newClaim(space, { start: 1_000 }))
      return all.map(({ username }) => username.charAt(0)).join('')
    }

    async function fresh(): Promise<void> {
      space = await addSpace(under, users.get('Alice') ?? fail('no owner'))
    }

    test('F1 who asks once waits for one request of whoever asked for many', async () => {
      await fresh()
      await submit('Alice', 6)
      await submit('Bob')
      await submit('Carol', 3)
      expect(await served()).toBe('ABCACACAAA')
    })

    test('F2 whoever asks again as soon as served takes turns with those who queued', async () => {
      await fresh()
      await submit('Alice', 4)
      await submit('Bob')
      await submit('Carol')
      const order: RequestId[] = []
      for (let claims = 0; claims < 12; claims += 1) {
        const [id = newRequestId()] = await claim()
        order.push(id)
        const username = (await under.requests.find(id))?.username
        if (username === 'Bob' || username === 'Carol') await submit(username)
      }
      const names = await Promise.all(order.map(async (id) => (await under.requests.find(id))?.username.charAt(0)))
      expect(names.join('')).toBe('ABCABCABCABC')
    })

    test('F3 the more urgent come first, and among them users in turn', async () => {
      await fresh()
      await submit('Alice', 2, 'low')
      await submit('Alice', 2)
      await submit('Bob', 1, 'low')
      await submit('Carol', 2, 'high')
      await submit('Bob', 1, 'high')
      await submit('Bob')
      expect(await served()).toBe('CBCABAABA')
    })

    test('F4 what was lost is next again, before all who came meanwhile', async () => {
      await fresh()
      await submit('Alice', 3)
      const lost = newClaim(space, { start: 3 })
      const claimed = await under.requests.claim(lost)
      const ids = claimed.map(({ id }) => id)
      await submit('Bob', 2)
      await submit('Alice')
      for (const one of claimed.toReversed())
        await under.requests.apply(one.id, { type: 'lost', by: byOf(lost, [one]), at: NOON, reason: 'hub_restarted' })
      expect((await under.requests.waiting(space.id, 10)).slice(0, 3)).toEqual(ids)
      expect(await served()).toBe('AAABAB')
    })

    test('F5 what is in the own queue of an app comes before what came later, however urgent', async () => {
      await fresh()
      const held = await submit('Alice', 3, 'low')
      for (let claims = 0; claims < 2; claims += 1) await under.requests.claim(newClaim(space, { start: 0, hold: 1, at: NOON + claims }))
      const urgent = await submit('Bob', 1, 'high')
      const order = [...held.slice(0, 2), ...urgent, ...held.slice(2)]
      expect(await under.requests.waiting(space.id, 10)).toEqual(order)
      expect(await under.requests.waiting(space.id, 1)).toEqual(held.slice(0, 1))
      expect(await Promise.all(order.map((id) => under.requests.waitingBefore(id)))).toEqual([0, 1, 2, 3])
    })

    test('F7 what was lost is next, but nobody who comes then is before those who waited longer', async () => {
      await fresh()
      await submit('Alice')
      const lost = newClaim(space)
      const claimed = await under.requests.claim(lost)
      await submit('Bob', 2)
      for (const one of claimed)
        await under.requests.apply(one.id, { type: 'lost', by: byOf(lost, [one]), at: NOON, reason: 'hub_restarted' })
      await submit('Carol', 4)
      expect(await served()).toBe('ABCBCCC')
    })

    test('F6 whoever submits what and whatever is claimed when: places are true, nobody overtakes himself, users take turns', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(happening, { maxLength: 40, size: 'max' }), async (happenings) => {
          await fresh()
          const waiting: Waiting[] = []
          const log = new ServiceLog()
          for (const one of happenings) {
            if (one.type === 'submit') {
              const ids = await submit(one.user, one.count, one.priority)
              waiting.push(...ids.map((id) => ({ id, user: one.user, priority: one.priority })))
            } else await claimAndCheck(waiting, one.count, log)
          }
          await claimAndCheck(waiting, 1_000, log)
          expect(waiting).toEqual([])
        }),
        { numRuns },
      )
    })

    async function claimAndCheck(waiting: Waiting[], count: number, log: ServiceLog): Promise<void> {
      const promised = await under.requests.waiting(space.id, 1_000)
      expect(promised.toSorted()).toEqual(waiting.map(({ id }) => id).toSorted())
      const last = promised.at(-1)
      if (last !== undefined) expect(await under.requests.waitingBefore(last)).toBe(promised.length - 1)
      const claimed = await claim(count)
      expect(claimed).toEqual(promised.slice(0, count))
      for (const id of claimed) {
        const index = waiting.findIndex((one) => one.id === id)
        const [request] = waiting.splice(index, 1)
        if (request === undefined) throw new Error('claimed what did not wait')
        const { user, priority } = request
        expect(waiting.every((other) => PRIORITIES.indexOf(other.priority) <= PRIORITIES.indexOf(priority))).toBe(true)
        // Oldest first: `waiting` is in the order of submits.
        expect(waiting.slice(0, index).some((other) => other.user === user && other.priority === priority)).toBe(false)
        log.served(request, waiting)
      }
    }
  })
}

/** How often a user was served while another one waited in vain. */
class ServiceLog {
  readonly #inVain = new Map<string, number>()

  served({ user, priority }: Waiting, waiting: readonly Waiting[]): void {
    for (const other of USERS) {
      const key = `${priority} ${other} behind ${user}`
      const waits = waiting.some((one) => one.user === other && one.priority === priority)
      const times = waits && other !== user ? (this.#inVain.get(key) ?? 0) + 1 : 0
      this.#inVain.set(key, times)
      for (const third of USERS) if (other === user) this.#inVain.set(`${priority} ${user} behind ${third}`, 0)
      // Once in the round under way, once in the next.
      expect(times, key).toBeLessThanOrEqual(2)
    }
  }
}

function fail(message: string): never {
  throw new Error(message)
}
