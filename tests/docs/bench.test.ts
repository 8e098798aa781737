/** The bench's command line; what it measures is not for a test. */
import { expect, test } from 'vitest'
import { helpText, readOptions, UsageProblem } from '../../bench/options.ts'

const PARTS = ['latency', 'throughput', 'idle']
const read = (...args: string[]) => readOptions(args, PARTS)

test('all parts on SQLite unless told otherwise', () => {
  expect(read()).toEqual({ only: undefined, databases: ['sqlite'], quick: false, profile: false })
})

test('some parts, separated by commas', () => {
  expect(read('--only', 'latency, throughput', '--database', 'both', '--quick')).toEqual({
    only: ['latency', 'throughput'],
    databases: ['sqlite', 'postgres'],
    quick: true,
    profile: false,
  })
})

test('help names every part', () => {
  expect(read('--help')).toBe('help')
  for (const part of PARTS) expect(helpText(PARTS)).toContain(part)
})

test.each([['--fast'], ['latency'], ['--only'], ['--only', 'latency,speed'], ['--only', ''], ['--database', 'mysql'], ['--quick=1']])(
  'what makes no sense is said: %s %s',
  (...args) => {
    expect(() => read(...args)).toThrow(UsageProblem)
  },
)
