import { expect, test } from 'vitest'
import { secondsText } from '../src/seconds.ts'

test.each([
  [0, '<0.1'],
  [0.099, '<0.1'],
  [0.1, '0.1'],
  [2.304, '2.3'],
  [75, '75.0'],
])('%d s → %s', (seconds, text) => {
  expect(secondsText(seconds)).toBe(text)
})
