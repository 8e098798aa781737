import { expect, test } from 'vitest'
import { LIMITS } from '../src/limits.ts'
import { requestResult } from '../src/request.ts'

function nested(depth: number): Record<string, unknown> {
  let value: Record<string, unknown> = {}
  for (let level = 0; level < depth; level += 1) value = { a: [value] }
  return value
}

test('a result is a JSON object of any keys', () => {
  const result = { text_output: '好', list: [1, null, { deep: [true] }], number: 0.5 }
  expect(requestResult.parse(result)).toEqual(result)
})

test.each([
  nested(LIMITS.jsonDepth),
  nested(200_000),
  [],
  null,
  'text',
  { a: undefined },
  { a: Number.NaN },
  { a: new Date() },
  { a: Buffer.from('x') },
])('what is not JSON, or nested too deep to be read again, is no result', (value) => {
  expect(requestResult.safeParse(value).success).toBe(false)
})
