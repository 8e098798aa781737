import { expect, test } from 'vitest'
import { castOf, makeSchedule, type Plan } from './schedule.ts'

const PLAN: Plan = { seed: 7, seconds: 60, database: 'postgres', nodes: 3, apps: 2, users: 3 }

test('the same plan is the same schedule, another seed another', () => {
  expect(makeSchedule(PLAN)).toEqual(makeSchedule({ ...PLAN }))
  expect(makeSchedule({ ...PLAN, seed: 8 })).not.toEqual(makeSchedule(PLAN))
})

test.each([1, 2, 3, 4, 5])('everything is over in time, and one target has one trouble at a time (seed %i)', (seed) => {
  const known = Object.values(castOf(PLAN)).flat()
  const until = new Map<string, number>()
  for (const fault of makeSchedule({ ...PLAN, seed })) {
    const end = fault.at + ('lasts' in fault ? fault.lasts : 0)
    expect(known).toContain(fault.target)
    expect(end).toBeLessThanOrEqual(PLAN.seconds * 1_000)
    expect(fault.at).toBeGreaterThanOrEqual(until.get(fault.target) ?? 0)
    until.set(fault.target, end)
  }
})

test('in two minutes everything that can happen does', () => {
  const groups = Object.entries(castOf(PLAN)).map(([group, targets]) => ({ group, targets }))
  const faults = makeSchedule({ ...PLAN, seconds: 120 })
  for (const { group, targets } of groups)
    expect(
      faults.some(({ target }) => targets.includes(target)),
      group,
    ).toBe(true)
  const kinds = new Set(faults.map(({ kind }) => kind))
  expect(kinds).toEqual(new Set(['kill', 'stop', 'cut', 'freeze', 'half-open', 'delay', 'repeat']))
})
