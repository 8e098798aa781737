/** Witnesses for the tests of the accounting. */
import { requestId, spaceId, userId } from '@websocket-spaces/protocol'
import { account, type Witnesses } from './accounting.ts'
import { answerTo } from './answer.ts'
import type { Transcript, Wish } from './ledger.ts'
import type { Stored, StoredEvent } from './stored.ts'
import type { Violation } from './violation.ts'

const SPACE = spaceId.parse('0192f0c4-0000-7000-8000-000000000001')
export const AT = 1_700_000_000_000

export function idOf(number: number): string {
  return `0192f0c4-0000-7000-8000-${number.toString().padStart(12, '0')}`
}

/** Accepted a millisecond after it was asked for. */
export function wish(id: string, prompt: string, more: Partial<Wish> = {}): Wish {
  const askedAt = more.askedAt ?? AT - 100
  return {
    key: prompt,
    prompt,
    user: 'user 0',
    spaceId: SPACE,
    app: 'sdk',
    priority: 'normal',
    ids: new Set([id]),
    cancel: 'no',
    acceptedAt: askedAt + 1,
    retries: 0,
    repeats: 0,
    answer: null,
    ...more,
    askedAt,
  }
}

type Said = Pick<StoredEvent, 'type' | 'data'> & { readonly after?: number }

export function status(what: string, attempt: number, reason?: string): Said {
  return { type: 'status', data: { status: what, attempt, ...(reason === undefined ? {} : { reason }) } }
}

export function outputs(prompt: string, count = Infinity): Said[] {
  return answerTo(prompt)
    .pieces.slice(0, count)
    .map((text) => ({ type: 'output', data: { text } }))
}

export const RESULT: Said = { type: 'result', data: {} }

/** Completed with the known answer, unless more says something else; one event a millisecond, `after` ms more before some. */
export function stored(id: string, prompt: string, said: readonly Said[], from = AT, more: Partial<Stored> = {}): Stored {
  let at = from - 1
  const events: StoredEvent[] = said.map(({ type, data, after = 0 }, index) => {
    at += 1 + after
    return { type, data, seq: index + 1, at }
  })
  const attempt = said.filter(({ data }) => data['status'] === 'processing').length
  const result = { text_output: answerTo(prompt).text }
  const ids = { id: requestId.parse(id), spaceId: SPACE, userId: userId.parse('user'), prompt }
  return { ...ids, status: 'completed', result, error: null, attempt, lastSeq: events.length, events, ...more }
}

/** Queued, started, all of its output, the result. */
export function done(id: string, prompt: string, from = AT): Stored {
  return stored(id, prompt, [status('queued', 0), status('processing', 1), ...outputs(prompt), RESULT], from)
}

/** Of a follower that was told each event at once. */
export function transcript({ id, events, result }: Stored): Transcript {
  const told = events.map(({ seq, at, type, data }) => {
    const more = type === 'result' ? { outcome: { status: 'completed', result } } : data
    return { seq, at: new Date(at).toISOString(), type, ...more }
  })
  const heardAt = events.map(({ at }) => at)
  return { id, via: 'sse', events: told as Transcript['events'], heardAt, gaps: 0, duplicates: 0, breaks: 0 }
}

export function violations(of: Partial<Witnesses>): Violation[] {
  return account({ wishes: [], stored: [], transcripts: [], apps: { whole: new Set(), open: [] }, blind: [], ...of })
}

export function kinds(of: Partial<Witnesses>): Violation['kind'][] {
  return [...new Set(violations(of).map(({ kind }) => kind))]
}
