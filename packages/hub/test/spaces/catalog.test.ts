import { expect, test } from 'vitest'
import type { RequestId } from '@websocket-spaces/protocol'
import { Catalog } from '../../src/spaces/catalog.ts'
import { addRequests, addSpace, NOON } from '../support/material.ts'
import { openSqliteStore } from '../support/sqlite-store.ts'

test('a request that is accepted while its space is being deleted gets its outcome, and then the space goes', async () => {
  await using under = await openSqliteStore()
  const user = await under.addUser('Alice')
  const space = await addSpace(under, user)
  const late: RequestId[] = []
  const canceled: RequestId[] = []
  const told: string[] = []
  const catalog = new Catalog({
    store: under.spaces,
    presence: { replicas: () => Promise.resolve(0) },
    closeConnections: () => undefined,
    counts: (id) => under.requests.counts(id),
    async beforeDelete(id) {
      for (const request of await under.requests.unfinished(id, 10)) {
        await under.requests.apply(request, { type: 'canceled', at: NOON })
        canceled.push(request)
      }
      // Just as the last one is canceled, somebody submits.
      if (late.length < 2) late.push(...(await addRequests(under, { space, user }, 1)))
    },
    onChanged: ({ change }) => told.push(change),
    now: () => NOON,
  })
  await catalog.remove(space)
  expect(late).toHaveLength(2)
  expect(canceled).toEqual(late)
  expect(await under.spaces.find(space.id)).toBeNull()
  expect(told).toEqual(['deleted'])
})
