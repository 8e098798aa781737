import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Coalesced } from '../../src/sockets/coalesced.ts'
import { eventually } from '../support/eventually.ts'

test('what happens together is told together, the last of it too', async () => {
  let [state, told] = [0, 0]
  const heard: number[] = []
  const coalesced = new Coalesced(20, async () => {
    told += 1
    await sleep(5)
    heard.push(state)
  })
  for (let count = 0; count < 100; count += 1) {
    state += 1
    coalesced.changed()
  }
  await eventually(
    () => heard.length,
    (length) => length === 2,
  )
  expect([told, heard.at(-1)]).toEqual([2, 100])
  state += 1
  coalesced.changed()
  await eventually(
    () => heard.at(-1),
    (last) => last === 101,
  )
  coalesced.changed()
  coalesced.stop()
  coalesced.changed()
  await sleep(60)
  expect(told).toBeLessThanOrEqual(4)
})
