import { expect, test } from 'vitest'
import { Retention } from '../../src/requests/retention.ts'
import { addRequests, addSpace, NOON } from '../support/material.ts'
import { fail, openSqliteStore } from '../support/sqlite-store.ts'

const DAY = 86_400_000

test('what finished longer ago than the age goes; the rest, and what is unfinished, stays', async () => {
  await using under = await openSqliteStore()
  const user = await under.addUser('Alice')
  const space = await addSpace(under, user)
  const ids = await addRequests(under, { space, user }, 250)
  for (const [index, id] of ids.slice(1).entries()) await under.requests.apply(id, { type: 'canceled', at: NOON + index })
  const told: number[] = []
  const retention = new Retention({
    store: under.requests,
    days: 7,
    now: () => NOON + 7 * DAY + 200,
    onPruned: (count) => told.push(count),
    onError: fail,
  })
  expect(await retention.sweep()).toBe(200)
  expect(await retention.sweep()).toBe(0)
  expect(told).toEqual([200])
  const left = (await under.requests.page({ spaceId: space.id, limit: 1_000 })).map(({ id }) => id)
  expect(left).toEqual([...ids.slice(201).toReversed(), ids[0]])
})

test('it stops at once, in the middle of its work as well', async () => {
  const stopping = { retention: undefined as Retention | undefined, batches: 0 }
  const store = {
    async prune() {
      stopping.batches += 1
      void stopping.retention?.stop()
      return 100
    },
  }
  const retention = new Retention({ store, days: 1, now: () => NOON, onPruned: () => undefined, onError: fail })
  stopping.retention = retention
  expect(await retention.sweep()).toBe(100)
  expect(stopping.batches).toBe(1)

  const idle = new Retention({ store, days: 1, now: () => NOON, onPruned: () => undefined, onError: fail })
  idle.start()
  await idle.stop()
  expect(stopping.batches).toBe(1)
})
