import { validate, version } from 'uuid'
import { expect, test } from 'vitest'
import { newRequestId } from '../../src/requests/request-id.ts'

test('request ids are UUIDv7, each greater than the one before, however many a millisecond', () => {
  const ids = Array.from({ length: 20_000 }, newRequestId)
  expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true)
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
})
