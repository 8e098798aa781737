import { expect, test } from 'vitest'
import { shortId } from '../src/index.ts'

test('the short forms of ids made in the same moment differ, and each is a part of its id', () => {
  const ids = ['01a2035a-067f-75fb-b5c5-384770b8a7f9', '01a2035a-067f-75fc-9c1e-0d7e63a4c215']
  expect(ids.map(shortId)).toEqual(['70b8a7f9', '63a4c215'])
  for (const id of ids) expect(id.endsWith(shortId(id))).toBe(true)
})
