/**
 * Of every request that was accepted: what became of it, and whether that keeps the promises of PROTOCOL.md.
 * Pure: it takes what people and apps saw and what the store holds, and says where they do not agree.
 */
import { fairnessViolations } from './fairness.ts'
import type { Transcript, Wish } from './ledger.ts'
import { orderViolations } from './order.ts'
import { outcomeViolations } from './outcomes.ts'
import { outputViolations } from './outputs.ts'
import { askedOf, isReturn, isStart, type Span } from './starts.ts'
import { isOver, type Stored } from './stored.ts'
import { stopViolations, type StopWitness } from './stops.ts'
import { transcriptViolations } from './transcripts.ts'
import type { Violation } from './violation.ts'

export interface Witnesses {
  readonly wishes: readonly Wish[]
  readonly transcripts: readonly Transcript[]
  readonly stored: readonly Stored[]
  readonly apps: StopWitness
  /** Times in which the order of claims proves nothing, see `orderViolations`. */
  readonly blind: readonly Span[]
}

export function account(witnesses: Witnesses): Violation[] {
  const { wishes, stored, transcripts, apps, blind } = witnesses
  const byId = new Map<string, Stored>(stored.map((request) => [request.id, request]))
  const asked = askedOf(wishes, byId, transcripts)
  return [
    ...wishes.flatMap((wish) => [...wishViolations(wish, byId)]),
    ...madeTwice(witnesses),
    ...stored.flatMap((request) => [...logViolations(request)]),
    ...stopViolations(stored, apps),
    ...orderViolations(asked, blind),
    ...fairnessViolations(asked, blind),
    ...transcriptViolations(transcripts, byId),
  ]
}

function* wishViolations(wish: Wish, byId: ReadonlyMap<string, Stored>): Generator<Violation, void> {
  const [id] = wish.ids
  if (id === undefined) return
  if (wish.ids.size > 1) yield { kind: 'made twice', id, what: `one key, ids ${[...wish.ids].join(' ')}` }
  const request = byId.get(id)
  if (request === undefined) yield { kind: 'lost', id, what: 'accepted, but not in the store' }
  else if (!isOver(request)) yield { kind: 'unfinished', id, what: `still ${request.status}` }
  else {
    yield* outcomeViolations(request, wish)
    yield* outputViolations(request, wish)
  }
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

/** P2 and P4: events 1, 2, 3 …, one result, at the end, of a request that is finished. L4: every start in the log, numbered. */
function* logViolations(request: Stored): Generator<Violation, void> {
  const { id, events, lastSeq, status, attempt } = request
  const broken = (what: string): Violation => ({ kind: 'broken log', id, what })
  const results = events.filter(({ type }) => type === 'result').length
  if (results > 1) yield { kind: 'double outcome', id, what: `${results} results` }
  if (events.some(({ seq }, index) => seq !== index + 1)) yield broken(`seqs ${events.map(({ seq }) => seq).join(' ')}`)
  if (lastSeq !== events.length) yield broken(`the row says ${lastSeq} events, there are ${events.length}`)
  if (isOver(request) !== (events.at(-1)?.type === 'result')) yield broken(`${status}, ends with ${events.at(-1)?.type}`)
  if (results === 1 && events.at(-1)?.type !== 'result') yield broken('events after the result')
  const starts = events.filter(isStart)
  if (starts.some(({ data }, index) => data['attempt'] !== index + 1) || attempt !== starts.length)
    yield broken(`attempt ${attempt} after starts ${starts.map(({ data }) => String(data['attempt'])).join(' ')}`)
  const stop = events.findIndex(({ data }) => data['status'] === 'canceling')
  if (stop >= 0 && events.slice(stop + 1).some((event) => isStart(event) || isReturn(event))) yield broken('went on after it was canceling')
}
