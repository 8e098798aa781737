import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { whenAborted } from '../src/serve/serve-loop.ts'

test('whoever waited for a signal, however often, leaves no listener with it', async () => {
  const { signal } = new AbortController()
  for (let time = 0; time < 100; time += 1) {
    using leaving = whenAborted(signal)
    await Promise.race([Promise.resolve(), leaving.promise])
  }
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('resolves when the signal is aborted, or was before', async () => {
  const controller = new AbortController()
  using before = whenAborted(controller.signal)
  controller.abort()
  using after = whenAborted(controller.signal)
  await Promise.all([before.promise, after.promise])
})
