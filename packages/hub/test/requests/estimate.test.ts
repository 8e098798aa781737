import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { estimate } from '../../src/requests/estimate.ts'

const NOW = 1_000_000_000
const seconds = (count: number): number => count * 1_000

/** What really happens, in milliseconds from now: each free slot takes the next in line. */
function ends(running: readonly number[], waiting: readonly number[], slots: number): number[] {
  const free = [...running, ...Array.from({ length: slots - running.length }, () => 0)]
  return waiting.map((duration) => {
    const slot = free.indexOf(Math.min(...free))
    const end = (free[slot] ?? 0) + duration
    free[slot] = end
    return end
  })
}

describe('an estimate', () => {
  test('is none without a history, and none without an app', () => {
    expect(estimate({ durations: [1_000, 1_000], startedAt: [] }, 1, NOW, 5)).toEqual([])
    expect(estimate({ durations: [1_000, 1_000, 1_000], startedAt: [] }, 0, NOW, 5)).toEqual([])
  })

  test('of requests that all take the same is what happens, to the second', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.double({ min: 0, max: 0.99, noNaN: true }), { maxLength: 5 }),
        (each, slots, waiting, ages) => {
          const duration = seconds(each)
          const begun = ages.slice(0, slots).map((age) => Math.floor(age * duration))
          const pace = { durations: Array.from({ length: 5 }, () => duration), startedAt: begun.map((age) => NOW - age) }
          const real = ends(
            begun.map((age) => duration - age),
            Array.from({ length: waiting }, () => duration),
            slots,
          )
          const ranges = estimate(pace, slots, NOW, waiting)
          expect(ranges).toEqual(real.map((end) => ({ low_seconds: Math.floor(end / 1000), high_seconds: Math.ceil(end / 1000) })))
        },
      ),
    )
  })

  test('of requests that differ holds what happens nearly always, and is never turned round', () => {
    let inside = 0
    let all = 0
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 60 })), fc.integer({ min: 1, max: 4 }), (stream, slots) => {
        const durations = [...stream.take(50)].map(seconds)
        const waiting = [...stream.take(20)].map(seconds)
        const running = [...stream.take(slots)].map(seconds)
        const ranges = estimate({ durations, startedAt: running.map(() => NOW) }, slots, NOW, waiting.length)
        for (const [index, end] of ends(running, waiting, slots).entries()) {
          const range = ranges[index]
          if (range === undefined) throw new Error('no estimate')
          expect(range.low_seconds).toBeLessThanOrEqual(range.high_seconds)
          all += 1
          if (range.low_seconds <= end / 1000 && end / 1000 <= range.high_seconds) inside += 1
        }
      }),
      { numRuns: 200, seed: 7 },
    )
    expect(inside / all).toBeGreaterThan(0.7)
  })

  test('counts what has run for long as nearly done, and gives no time to what is longer than any before', () => {
    const durations = [10, 10, 20].map(seconds)
    const [range] = estimate({ durations, startedAt: [NOW - seconds(15)] }, 1, NOW, 1)
    expect(range).toEqual({ low_seconds: 15, high_seconds: 25 })
    const [late] = estimate({ durations, startedAt: [NOW - seconds(99)] }, 1, NOW, 1)
    expect(late?.low_seconds).toBeGreaterThanOrEqual(15)
    expect(late?.high_seconds).toBeLessThanOrEqual(30)
  })
})
