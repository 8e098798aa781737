import { expect, test } from 'vitest'
import { remainingOf } from '../src/index.ts'

const ETA = { low_seconds: 4, high_seconds: 9 }

test.each([
  [-5, { unit: 'seconds', low: 4, high: 9 }],
  [0, { unit: 'seconds', low: 4, high: 9 }],
  [0.4, { unit: 'seconds', low: 4, high: 9 }],
  [1, { unit: 'seconds', low: 3, high: 8 }],
  [4, { unit: 'seconds', low: 0, high: 5 }],
  [8.9, { unit: 'seconds', low: 0, high: 1 }],
  [9, null],
  [1_000, null],
])('an estimate of 4 to 9 s, %d s later', (passed, left) => {
  expect(remainingOf(ETA, passed)).toEqual(left)
})

test('long ones are told in minutes until they are short', () => {
  const eta = { low_seconds: 110, high_seconds: 190 }
  expect(remainingOf(eta, 0)).toEqual({ unit: 'minutes', low: 1, high: 4 })
  expect(remainingOf(eta, 90)).toEqual({ unit: 'minutes', low: 0, high: 2 })
  expect(remainingOf(eta, 91)).toEqual({ unit: 'seconds', low: 19, high: 99 })
})

test('neither end ever grows while time passes, save where the unit changes', () => {
  const eta = { low_seconds: 60, high_seconds: 99 }
  let before = remainingOf(eta, 0)
  for (let passed = 0; passed < 99; passed += 0.25) {
    const left = remainingOf(eta, passed)
    expect(left?.low).toBeLessThanOrEqual(before?.low ?? 0)
    expect(left?.high).toBeLessThanOrEqual(before?.high ?? 0)
    before = left
  }
})
