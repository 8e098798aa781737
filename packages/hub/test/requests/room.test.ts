import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { setStage } from '../support/flow-stage.ts'

const MANY = 150

test.each([
  ['its own long queue', {}],
  ['many slots', { concurrency: MANY, prefetch: 0 }],
])('an app with %s gets all that waits, though not in one go', async (_, terms) => {
  await using stage = await setStage({ hold_seconds: 60, max_queue: MANY })
  const ids = []
  for (let count = 0; count < MANY; count += 1) ids.push(await stage.submit())
  const app = stage.join(terms)
  await eventually(
    () => app.sent.length,
    (count) => count === MANY,
  )
  expect(app.ids).toEqual(ids)
})

test('an app that has not read what it was handed is handed no more; another may be', async () => {
  await using stage = await setStage()
  const app = stage.join({ concurrency: 1, prefetch: 10 })
  app.isBehind = true
  const id = await stage.submit()
  const other = stage.join({ concurrency: 1, prefetch: 0 })
  await eventually(() => other.ids.includes(id), Boolean)
  expect(app.sent).toEqual([])
  app.isBehind = false
  const next = await stage.submit()
  await eventually(() => app.ids.includes(next), Boolean)
})
