import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { SpacesError } from '@websocket-spaces/protocol'
import { outlast } from '../../src/requests/outlast.ts'
import { codeOf } from '../support/material.ts'

const LONG = { within: 60_000, pause: 1 }

/** A store that answers only so many calls later; it keeps whether each try was unsure. */
function failing(times: number, code: 'storage_unavailable' | 'storage_full' | 'stale_lease', takes = 0) {
  const tries: boolean[] = []
  const store = async (unsure: boolean): Promise<string> => {
    tries.push(unsure)
    await sleep(takes)
    if (tries.length <= times) throw new SpacesError(code)
    return 'stored'
  }
  return { tries, store }
}

test.each(['storage_unavailable', 'storage_full'] as const)(
  'a store that says %s is asked again, and knows which tries are unsure',
  async (code) => {
    const { tries, store } = failing(3, code)
    expect(await outlast(() => true, store, LONG)).toBe('stored')
    expect(tries).toEqual([false, true, true, true])
  },
)

test('what no time mends is not tried again, nor what nobody waits for', async () => {
  const refused = failing(1, 'stale_lease')
  expect(await codeOf(outlast(() => true, refused.store, LONG))).toBe('stale_lease')
  const unwanted = failing(1, 'storage_unavailable')
  expect(await codeOf(outlast(() => false, unwanted.store, LONG))).toBe('storage_unavailable')
  expect([...refused.tries, ...unwanted.tries]).toEqual([false, false])
})

test('tries that hang use up the time as well: it is given up after a while, not after a number of them', async () => {
  const { tries, store } = failing(Infinity, 'storage_unavailable', 30)
  expect(await codeOf(outlast(() => true, store, { within: 25, pause: 1 }))).toBe('storage_unavailable')
  expect(tries).toHaveLength(1)
})
