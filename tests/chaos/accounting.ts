/**
 * Of every request that was accepted: what became of it, and whether that keeps the promises of PROTOCOL.md.
 * Pure: it takes what people saw and what the store holds, and says where the two do not agree.
 */
import { answerTo } from './answer.ts'
import type { Transcript, Wish } from './ledger.ts'
import { orderViolations } from './order.ts'
import type { Stored } from './stored.ts'
import { transcriptViolations } from './transcripts.ts'
import type { Violation } from './violation.ts'

export interface Witnesses {
  readonly wishes: readonly Wish[]
  readonly transcripts: readonly Transcript[]
  readonly stored: readonly Stored[]
}

const FINISHED: readonly string[] = ['completed', 'failed', 'canceled']
/** Losses after which a request fails with `app_lost`; PROTOCOL.md's `maxAttempts`. */
const MOST_LOSSES = 3

export function account(witnesses: Witnesses): Violation[] {
  const { wishes, stored, transcripts } = witnesses
  const byId = new Map<string, Stored>(stored.map((request) => [request.id, request]))
  return [
    ...wishes.flatMap((wish) => [...wishViolations(wish, byId)]),
    ...madeTwice(witnesses),
    ...stored.flatMap((request) => [...logViolations(request)]),
    ...orderViolations(wishes, byId),
    ...transcriptViolations(transcripts, byId),
  ]
}

function* wishViolations(wish: Wish, byId: ReadonlyMap<string, Stored>): Generator<Violation, void> {
  const [id] = wish.ids
  if (id === undefined) return
  if (wish.ids.size > 1) yield { kind: 'made twice', id, what: `one key, ids ${[...wish.ids].join(' ')}` }
  const request = byId.get(id)
  if (request === undefined) yield { kind: 'lost', id, what: 'accepted, but not in the store' }
  else yield* outcomeViolations(request, wish)
}

function* outcomeViolations(request: Stored, wish: Wish): Generator<Violation, void> {
  const { id } = request
  if (request.prompt !== wish.prompt) yield { kind: 'wrong answer', id, what: `asked ${wish.prompt}, stored ${request.prompt}` }
  const wrong = FINISHED.includes(request.status) ? wrongOutcome(request, wish) : unfinished(request)
  if (wrong !== null) yield wrong
  const said = wish.answer
  if (said !== null && (said.status !== request.status || said.result?.['text_output'] !== request.result?.['text_output']))
    yield { kind: 'wrong answer', id, what: `the submit was told ${said.status}, stored is ${request.status}` }
}

function unfinished({ id, status }: Stored): Violation {
  return { kind: 'unfinished', id, what: `still ${status}` }
}

/** The known answer, or an end with a reason that the log bears out. */
function wrongOutcome(request: Stored, wish: Wish): Violation | null {
  const { id, status, error, result } = request
  const known = answerTo(wish.prompt)
  const unfounded = (what: string): Violation => ({ kind: 'unfounded outcome', id, what })
  if (status === 'canceled') return wish.cancel === 'no' ? unfounded('canceled, but nobody asked for it') : null
  if (wish.cancel === 'granted') return unfounded(`the hub said it was canceled, and it is ${status}`)
  if (status === 'failed' && error?.code === 'app_lost') {
    const lost = request.events.filter(({ data }) => data['reason'] === 'app_lost').length + 1
    return lost < MOST_LOSSES ? unfounded(`app_lost after ${lost} losses`) : null
  }
  if (status === 'failed' && !(known.fails && error?.code === 'app_failed'))
    return unfounded(`failed with ${error?.code}: ${error?.message}`)
  const text = status === 'failed' ? error?.message : result?.['text_output']
  if (known.fails !== (status === 'failed') || text !== known.text)
    return { kind: 'wrong answer', id, what: `${status} with ${String(text)}` }
  return wrongOutput(request, known.pieces.join(''))
}

/** Of the last attempt. An app that had the result already (A8) need not say everything again, but never says something else. */
function wrongOutput({ id, events }: Stored, whole: string): Violation | null {
  const start = events.findLastIndex(({ type, data }) => type === 'status' && data['status'] === 'processing')
  const said = events.slice(start + 1).map(({ type, data }) => (type === 'output' ? data['text'] : ''))
  if (whole.startsWith(said.join(''))) return null
  return { kind: 'wrong answer', id, what: `streamed ${said.join('')} instead of ${whole}` }
}

/** A submit that was sent again and again is one request; one whose answer never came may be in the store, but once. */
function* madeTwice({ wishes, stored }: Witnesses): Generator<Violation, void> {
  const asked = new Set(wishes.map(({ prompt }) => prompt))
  for (const [prompt, made] of Map.groupBy(stored, (request) => request.prompt)) {
    const [first] = made
    if (first === undefined) continue
    if (made.length > 1) yield { kind: 'made twice', id: first.id, what: `${made.length} requests for ${prompt}` }
    if (!asked.has(prompt)) yield { kind: 'made twice', id: first.id, what: `nobody asked for ${prompt}` }
  }
}

/** P2 and P4: events 1, 2, 3 …, one result, at the end, of a request that is finished. */
function* logViolations({ id, events, lastSeq, status }: Stored): Generator<Violation, void> {
  const results = events.filter(({ type }) => type === 'result').length
  if (results > 1) yield { kind: 'double outcome', id, what: `${results} results` }
  if (events.some(({ seq }, index) => seq !== index + 1))
    yield { kind: 'broken log', id, what: `seqs ${events.map(({ seq }) => seq).join(' ')}` }
  if (lastSeq !== events.length) yield { kind: 'broken log', id, what: `the row says ${lastSeq} events, there are ${events.length}` }
  if (FINISHED.includes(status) !== (events.at(-1)?.type === 'result'))
    yield { kind: 'broken log', id, what: `${status}, ends with ${events.at(-1)?.type}` }
  if (results === 1 && events.at(-1)?.type !== 'result') yield { kind: 'broken log', id, what: 'events after the result' }
}
