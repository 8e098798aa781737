/** L1 among users in the accounting. */
import { expect, test } from 'vitest'
import { AT, done, idOf, kinds, RESULT, status, stored, wish } from './material.ts'
import type { Wish } from './ledger.ts'

/** Users and when they are served, in order, a second from each to the next; all asked before the first. */
function served(order: string, blind: readonly { from: number; to: number }[] = [], more: (number: number) => Partial<Wish> = () => ({})) {
  const all = order.split('').map((user, number) => ({ id: idOf(number), user, number, prompt: `echo ${number}` }))
  const wishes = all.map(({ id, user, number, prompt }) => wish(id, prompt, { user, askedAt: AT - 5_000 + number * 10, ...more(number) }))
  return kinds({ wishes, stored: all.map(({ id, number, prompt }) => done(id, prompt, AT + number * 1_000)), blind })
}

test('users who take turns, or of whom one waits for two rounds of another, are treated alike', () => {
  expect(served('ABABAB')).toEqual([])
  expect(served('AABBA')).toEqual([])
  expect(served('ABCABCAAA')).toEqual([])
})

test('a user who waits while another is served more than twice is passed over', () => {
  expect(served('AAAB')).toEqual(['unfair'])
  expect(served('BAAAB')).toEqual(['unfair'])
})

test('what was not asked for yet does not wait, and other priorities are another line', () => {
  expect(served('AAAB', [], (number) => (number === 3 ? { askedAt: AT + 1_500 } : {}))).toEqual([])
  expect(served('AAAB', [], (number) => (number === 3 ? { priority: 'low' } : {}))).toEqual([])
})

test('claims that may have passed over a locked request do not count', () => {
  expect(served('AAAB', [{ from: AT, to: AT + 500 }])).toEqual([])
})

test('a request that was taken back may have left a round empty', () => {
  const withdrawn = idOf(90)
  const wishes = [
    ...[0, 1, 2].map((number) => wish(idOf(number), `echo ${number}`, { user: 'A', askedAt: AT - 5_000 + number })),
    wish(withdrawn, 'echo 90', { user: 'B', askedAt: AT - 4_000, cancel: 'granted' }),
    wish(idOf(91), 'echo 91', { user: 'B', askedAt: AT - 3_000 }),
  ]
  const rows = [0, 1, 2].map((number) => done(idOf(number), `echo ${number}`, AT + number * 1_000))
  const gone = stored(withdrawn, 'echo 90', [status('queued', 0), RESULT], AT - 3_900, { status: 'canceled', result: null })
  expect(kinds({ wishes, stored: [...rows, gone, done(idOf(91), 'echo 91', AT + 5_000)] })).toEqual([])
})
