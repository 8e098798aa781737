/** The accounting finds each kind of broken promise; an accounting that cannot fail proves nothing. */
import { expect, test } from 'vitest'
import type { Witnesses } from './accounting.ts'
import { answerTo } from './answer.ts'
import { AT, done, idOf, kinds, outputs, RESULT, status, stored, transcript, violations, wish } from './material.ts'
import type { Stored, StoredEvent } from './stored.ts'

const [FIRST, SECOND] = [idOf(1), idOf(2)]
const request = done(FIRST, 'echo one')
const whole = { wishes: [wish(FIRST, 'echo one')], stored: [request], transcripts: [transcript(request)] }

function changed(change: Partial<Stored>): Partial<Witnesses> {
  return { ...whole, stored: [{ ...request, ...change }], transcripts: [] }
}

function logged(prompt: string, said: Parameters<typeof stored>[2], more: Partial<Stored> = {}): Partial<Witnesses> {
  return { wishes: [wish(FIRST, prompt, { cancel: 'granted' })], stored: [stored(FIRST, prompt, said, AT, more)] }
}

test('a request that was done as promised is in order', () => {
  expect(violations(whole)).toEqual([])
})

test('an accepted request that is not there, or not at its end', () => {
  expect(kinds({ ...whole, stored: [], transcripts: [] })).toEqual(['lost'])
  const events = request.events.slice(0, -1)
  expect(kinds(changed({ status: 'processing', events, lastSeq: events.length }))).toEqual(['unfinished'])
})

test('another answer', () => {
  expect(kinds(changed({ result: { text_output: 'something' } }))).toEqual(['wrong answer'])
})

test('output that is another, that breaks off or goes on', () => {
  const { pieces } = answerTo('echo one')
  const streamed = (...texts: string[]): Partial<Witnesses> => {
    const said = texts.map((text) => ({ type: 'output', data: { text } }))
    const all = [status('queued', 0), status('processing', 1), ...said, RESULT]
    return { wishes: whole.wishes, stored: [stored(FIRST, 'echo one', all)] }
  }
  expect(violations(streamed(pieces.join('')))).toEqual([])
  expect(kinds(streamed(...pieces.slice(0, -1)))).toEqual(['wrong output'])
  expect(kinds(streamed())).toEqual(['wrong output'])
  expect(kinds(streamed(...pieces, 'more'))).toEqual(['wrong output'])
  expect(kinds(streamed(...pieces.with(1, 'else')))).toEqual(['wrong output'])
  expect(kinds(streamed(...pieces.slice(0, 1), ...pieces))).toEqual(['wrong output'])
})

test('an app of the older kind streams nothing', () => {
  const silent = stored(FIRST, 'echo one', [status('queued', 0), status('processing', 1), RESULT])
  expect(violations({ wishes: [wish(FIRST, 'echo one', { app: 'old' })], stored: [silent] })).toEqual([])
  expect(kinds({ wishes: [wish(FIRST, 'echo one', { app: 'old' })], stored: [request] })).toEqual(['wrong output'])
})

test('what an attempt that was lost had streamed is a beginning, and the next says everything anew', () => {
  const before = [status('queued', 0), status('processing', 1)]
  const again = [status('queued', 1, 'app_lost'), status('processing', 2), ...outputs('echo one'), RESULT]
  expect(
    violations({ wishes: whole.wishes, stored: [stored(FIRST, 'echo one', [...before, ...outputs('echo one', 1), ...again])] }),
  ).toEqual([])
  const other = [...before, ...outputs('echo two', 1), ...again]
  expect(kinds({ wishes: whole.wishes, stored: [stored(FIRST, 'echo one', other)] })).toEqual(['wrong output'])
})

test('an outcome that nothing explains', () => {
  const error = { code: 'app_lost', message: '' }
  expect(kinds(changed({ status: 'failed', error, result: null }))).toEqual(['unfounded outcome'])
  expect(kinds(changed({ status: 'failed', error: { code: 'timeout', message: '' } }))).toEqual(['unfounded outcome'])
  expect(kinds(changed({ status: 'canceled', result: null }))).toEqual(['unfounded outcome'])
  expect(kinds({ ...whole, wishes: [wish(FIRST, 'echo one', { cancel: 'granted' })] })).toEqual(['unfounded outcome'])
})

test('a canceled request that kept a result, went on, or whose app was not told', () => {
  const said = [status('queued', 0), status('processing', 1), status('canceling', 1), RESULT]
  const canceled = { status: 'canceled', result: null }
  expect(violations(logged('slow one', said, canceled))).toEqual([])
  expect(kinds(logged('slow one', said, { status: 'canceled' }))).toEqual(['wrong answer'])
  const goesOn = [...said.slice(0, -1), status('queued', 1, 'app_lost'), RESULT]
  expect(kinds(logged('slow one', goesOn, canceled))).toEqual(['broken log'])
  expect(kinds({ ...logged('slow one', said, canceled), apps: { whole: new Set([FIRST]), open: [] } })).toEqual(['not stopped'])
  expect(kinds({ ...logged('slow one', said, canceled), apps: { whole: new Set(), open: [FIRST] } })).toEqual(['not stopped'])
})

test('a log with a hole, with two results, with something after the result, or with a start too few', () => {
  expect(kinds(changed({ events: request.events.filter(({ seq }) => seq !== 3) }))).toContain('broken log')
  const last = request.events.at(-1) as StoredEvent
  const again = { ...last, seq: last.seq + 1 }
  expect(kinds(changed({ events: [...request.events, again], lastSeq: again.seq }))).toEqual(['double outcome'])
  const late = { ...again, type: 'log', data: {} }
  expect(kinds(changed({ events: [...request.events, late], lastSeq: late.seq }))).toEqual(['broken log'])
  expect(kinds(changed({ attempt: 2 }))).toEqual(['broken log'])
})

test('one key that made two requests', () => {
  expect(kinds({ ...whole, wishes: [wish(FIRST, 'echo one', { ids: new Set([FIRST, SECOND]) })] })).toEqual(['made twice'])
  expect(kinds({ ...whole, stored: [request, done(SECOND, 'echo one')] })).toEqual(['made twice'])
})

test('a follower that missed something, got it twice or saw something else', () => {
  const seen = transcript(request)
  expect(kinds({ ...whole, transcripts: [{ ...seen, gaps: 1 }] })).toEqual(['follower gap'])
  expect(kinds({ ...whole, transcripts: [{ ...seen, duplicates: 1 }] })).toEqual(['follower duplicate'])
  expect(kinds({ ...whole, transcripts: [{ ...seen, events: seen.events.slice(0, -1) }] })).toEqual(['follower gap'])
  const [, ...rest] = seen.events
  expect(kinds({ ...whole, transcripts: [{ ...seen, events: [{ seq: 1, at: '', type: 'output', text: 'else' }, ...rest] }] })).toEqual([
    'follower differs',
  ])
})
