import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { APP_EVENTS, DEFAULTS, LIMITS, LIVE_CALLS, LIVE_EVENTS, TIMING } from '@websocket-spaces/protocol'

const text = readFileSync(new URL('../../PROTOCOL.md', import.meta.url), 'utf8')

test("the table of constants is the code's", () => {
  const table = text.slice(text.indexOf('<!-- constants -->'), text.indexOf('<!-- /constants -->'))
  const written = Object.fromEntries(
    [...table.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, name = '', value]): [string, number] => [name, Number(value)]),
  )
  expect(written).toEqual({ ...LIMITS, ...TIMING, ...DEFAULTS })
})

test.each(Object.values({ ...APP_EVENTS, ...LIVE_CALLS, ...LIVE_EVENTS }))('%s is described', (name) => {
  expect(text).toContain(`\`${name}`)
})

test('every rule has a number of its own', () => {
  const numbers = Array.from(text.matchAll(/^- \*\*([A-Z]\d+)\*\*/gm), ([, number = '']) => number)
  expect(numbers.length).toBeGreaterThan(0)
  expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([])
})
