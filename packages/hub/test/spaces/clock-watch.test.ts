import { expect, test } from 'vitest'
import { TIMING } from '@websocket-spaces/protocol'
import { ClockWatch } from '../../src/spaces/clock-watch.ts'

const MUCH = TIMING.clockTolerance + 1

test('a clock is off by what the way to the database cannot explain', () => {
  const told: number[] = []
  const watch = new ClockWatch((ahead) => told.push(ahead))
  watch.compare(10_000, 10_000 + MUCH, 10_000 + 2 * MUCH)
  watch.compare(10_000, 10_000 - TIMING.clockTolerance, 10_000)
  watch.compare(10_000, 10_000 + TIMING.clockTolerance, 10_000)
  expect(told).toEqual([])
  watch.compare(10_000, 10_000 - MUCH, 10_000)
  expect(told).toEqual([MUCH])
})

test('it is told once, and again only when it was right in between', () => {
  const told: number[] = []
  const watch = new ClockWatch((ahead) => told.push(ahead))
  for (const clock of [MUCH, MUCH, TIMING.clockTolerance, MUCH, 0, MUCH]) watch.compare(0, clock, 0)
  expect(told).toEqual([-MUCH, -MUCH])
})
