import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isoTime } from '../src/index.ts'

test('times are written as Date writes them, whatever was written before', () => {
  const anyTime = fc.integer({ min: -62_000_000_000_000, max: 250_000_000_000_000 })
  const soonAfter = fc.integer({ min: -1_500, max: 1_500 })
  fc.assert(
    fc.property(anyTime, fc.array(soonAfter), (first, later) => {
      for (const at of [first, ...later.map((after) => first + after)]) expect(isoTime(at)).toBe(new Date(at).toISOString())
    }),
  )
})
