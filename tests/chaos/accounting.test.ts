/** The accounting finds each kind of broken promise; an accounting that cannot fail proves nothing. */
import { expect, test } from 'vitest'
import { requestId, spaceId, userId } from '@websocket-spaces/protocol'
import { account, type Witnesses } from './accounting.ts'
import { answerTo } from './answer.ts'
import type { Transcript, Wish } from './ledger.ts'
import type { Stored, StoredEvent } from './stored.ts'
import type { Violation } from './violation.ts'

const SPACE = spaceId.parse('0192f0c4-0000-7000-8000-000000000001')
const FIRST = '0192f0c4-0000-7000-8000-00000000000a'
const SECOND = '0192f0c4-0000-7000-8000-00000000000b'
const AT = 1_700_000_000_000

function wish(id: string, prompt: string, more: Partial<Wish> = {}): Wish {
  const times = { askedAt: 0, acceptedAt: 1, retries: 0, answer: null }
  return { key: prompt, prompt, user: 'user 0', spaceId: SPACE, ids: new Set([id]), cancel: 'no', ...times, ...more }
}

function stored(id: string, prompt: string, from = AT): Stored {
  const { pieces, text } = answerTo(prompt)
  const said = [
    { type: 'status', data: { status: 'queued', attempt: 0 } },
    { type: 'status', data: { status: 'processing', attempt: 1 } },
    ...pieces.map((piece) => ({ type: 'output', data: { text: piece } })),
    { type: 'result', data: {} },
  ]
  const events: StoredEvent[] = said.map((event, index) => ({ ...event, seq: index + 1, at: from + index }))
  const row = { status: 'completed', result: { text_output: text }, error: null, attempt: 1, lastSeq: events.length, events }
  const user = userId.parse('user')
  return { id: requestId.parse(id), spaceId: SPACE, userId: user, prompt, ...row }
}

function transcript({ id, events, result }: Stored): Transcript {
  const told = events.map(({ seq, at, type, data }) => {
    const more = type === 'result' ? { outcome: { status: 'completed', result } } : data
    return { seq, at: new Date(at).toISOString(), type, ...more }
  })
  return { id, via: 'sse', events: told as Transcript['events'], gaps: 0, duplicates: 0, breaks: 0 }
}

const request = stored(FIRST, 'echo one')
const whole: Witnesses = { wishes: [wish(FIRST, 'echo one')], stored: [request], transcripts: [transcript(request)] }

function kinds(change: Partial<Witnesses>): Violation['kind'][] {
  return [...new Set(account({ ...whole, ...change }).map(({ kind }) => kind))]
}

function changed(change: Partial<Stored>): Partial<Witnesses> {
  return { stored: [{ ...request, ...change }], transcripts: [] }
}

test('a request that was done as promised is in order', () => {
  expect(account(whole)).toEqual([])
})

test('an accepted request that is not there, or not at its end', () => {
  expect(kinds({ stored: [], transcripts: [] })).toEqual(['lost'])
  const events = request.events.slice(0, -1)
  expect(kinds(changed({ status: 'processing', events, lastSeq: events.length }))).toEqual(['unfinished'])
})

test('another answer, and output that is another', () => {
  expect(kinds(changed({ result: { text_output: 'something' } }))).toEqual(['wrong answer'])
  const events = request.events.map((event) => (event.seq === 4 ? { ...event, data: { text: 'twice' } } : event))
  expect(kinds(changed({ events }))).toEqual(['wrong answer'])
})

test('an outcome that nothing explains', () => {
  const error = { code: 'app_lost', message: '' }
  expect(kinds(changed({ status: 'failed', error, result: null }))).toEqual(['unfounded outcome'])
  expect(kinds(changed({ status: 'failed', error: { code: 'timeout', message: '' } }))).toEqual(['unfounded outcome'])
  expect(kinds(changed({ status: 'canceled' }))).toEqual(['unfounded outcome'])
  expect(kinds({ wishes: [wish(FIRST, 'echo one', { cancel: 'granted' })] })).toEqual(['unfounded outcome'])
})

test('a log with a hole, with two results, or with something after the result', () => {
  expect(kinds(changed({ events: request.events.filter(({ seq }) => seq !== 3) }))).toContain('broken log')
  const last = request.events.at(-1) as StoredEvent
  const again = { ...last, seq: last.seq + 1 }
  expect(kinds(changed({ events: [...request.events, again], lastSeq: again.seq }))).toEqual(['double outcome'])
  const late = { ...again, type: 'log', data: {} }
  expect(kinds(changed({ events: [...request.events, late], lastSeq: late.seq }))).toEqual(['broken log'])
})

test('one key that made two requests', () => {
  expect(kinds({ wishes: [wish(FIRST, 'echo one', { ids: new Set([FIRST, SECOND]) })] })).toEqual(['made twice'])
  expect(kinds({ stored: [request, stored(SECOND, 'echo one')] })).toEqual(['made twice'])
})

test('a younger request that was reported on before an older one was started', () => {
  const wishes = [wish(FIRST, 'echo one'), wish(SECOND, 'echo two', { askedAt: 2 })]
  const [early, late] = [AT, AT + 1_000]
  expect(account({ wishes, stored: [stored(FIRST, 'echo one', early), stored(SECOND, 'echo two', late)], transcripts: [] })).toEqual([])
  expect(kinds({ wishes, stored: [stored(FIRST, 'echo one', late), stored(SECOND, 'echo two', early)], transcripts: [] })).toEqual([
    'order',
  ])
})

test('a follower that missed something, got it twice or saw something else', () => {
  const seen = transcript(request)
  expect(kinds({ transcripts: [{ ...seen, gaps: 1 }] })).toEqual(['follower gap'])
  expect(kinds({ transcripts: [{ ...seen, duplicates: 1 }] })).toEqual(['follower duplicate'])
  expect(kinds({ transcripts: [{ ...seen, events: seen.events.slice(0, -1) }] })).toEqual(['follower gap'])
  const [, ...rest] = seen.events
  expect(kinds({ transcripts: [{ ...seen, events: [{ seq: 1, at: '', type: 'output', text: 'else' }, ...rest] }] })).toEqual([
    'follower differs',
  ])
})
