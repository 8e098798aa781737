/** L1 and L4 in the accounting: what proves that somebody was overtaken, and what does not. */
import { expect, test } from 'vitest'
import type { Wish } from './ledger.ts'
import { AT, done, idOf, kinds, outputs, RESULT, status, stored, transcript, violations, wish } from './material.ts'
import type { Span } from './starts.ts'
import type { Stored } from './stored.ts'

const [FIRST, SECOND] = [idOf(1), idOf(2)]
const LATER = AT + 1_000

/** The first waits at the hub, asked for before the second, which is served at `AT`. */
function servedLate(first: Partial<Wish>, second: Partial<Wish>, blind: readonly Span[] = []): string[] {
  const wishes = [wish(FIRST, 'echo one', { askedAt: AT - 500, ...first }), wish(SECOND, 'echo two', { askedAt: AT - 100, ...second })]
  return kinds({ wishes, stored: [done(FIRST, 'echo one', LATER), done(SECOND, 'echo two', AT)], blind })
}

test('L1: a younger request of the same user that was reported on before an older one was started', () => {
  expect(servedLate({}, {})).toEqual(['order'])
  const wishes = [wish(FIRST, 'echo one', { askedAt: AT - 500 }), wish(SECOND, 'echo two')]
  expect(violations({ wishes, stored: [done(FIRST, 'echo one', AT), done(SECOND, 'echo two', LATER)] })).toEqual([])
})

test('L1: between users, or where the older was not accepted when the younger was asked for, that is no proof', () => {
  expect(servedLate({ user: 'user 1' }, {})).toEqual([])
  expect(servedLate({ acceptedAt: AT - 50 }, {})).toEqual([])
})

test('L1: the less urgent, of whatever user, that was served while the more urgent waited', () => {
  expect(servedLate({ user: 'user 1' }, { priority: 'low' })).toEqual(['order'])
  expect(servedLate({ priority: 'low' }, {})).toEqual([])
})

test('L1: nothing is proven while a hub hung that may have held the older one', () => {
  expect(servedLate({}, {}, [{ from: AT, to: AT + 2 }])).toEqual([])
  expect(servedLate({}, {}, [{ from: AT + 500, to: LATER }])).toEqual(['order'])
})

test('L1: what an app of the older kind has in its own queue was handed over before it was started', () => {
  expect(servedLate({ app: 'old' }, { app: 'old' }).filter((kind) => kind === 'order')).toEqual([])
})

/** Lost once, and told to wait again at `AT - 50`. */
const lost = stored(
  FIRST,
  'echo one',
  [
    status('queued', 0),
    status('processing', 1),
    { ...status('queued', 1, 'app_lost'), after: 147 },
    { ...status('processing', 2), after: 1_049 },
    ...outputs('echo one'),
    RESULT,
  ],
  AT - 200,
)

function overtaking(second: Stored, more: Partial<Wish> = {}, heard = [transcript(lost)]): string[] {
  const wishes = [wish(FIRST, 'echo one', { askedAt: AT - 300 }), wish(SECOND, 'echo two', { askedAt: AT - 150, ...more })]
  return kinds({ wishes, stored: [lost, second], transcripts: heard })
}

test('L4: one that was asked for later and was started while a lost one waited again', () => {
  expect(overtaking(done(SECOND, 'echo two', AT))).toEqual(['not next again'])
  expect(overtaking(done(SECOND, 'echo two', AT), { user: 'user 1' })).toEqual(['not next again'])
})

test('L4: no proof is a start before the loss was known, one after the next start, or of a request that was there before', () => {
  expect(overtaking(done(SECOND, 'echo two', AT - 100))).toEqual([])
  expect(overtaking(done(SECOND, 'echo two', AT + 2_000))).toEqual([])
  expect(overtaking(done(SECOND, 'echo two', AT), { user: 'user 1', askedAt: AT - 250 })).toEqual([])
  expect(overtaking(done(SECOND, 'echo two', AT), {}, [])).toEqual([])
})
