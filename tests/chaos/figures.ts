/** What a run came to, in numbers. */
import type { Priority } from '@websocket-spaces/protocol'
import type { AppNotes } from './app-notes.ts'
import type { Troubles } from './faults.ts'
import type { Ledger } from './ledger.ts'
import type { Fault } from './schedule.ts'
import { askedOf, isReturn } from './starts.ts'
import type { Stored } from './stored.ts'

export interface Material {
  readonly ledger: Ledger
  readonly troubles: Troubles
  readonly stored: readonly Stored[]
  readonly notes: AppNotes
  /** Milliseconds from the end of all troubles; null where it was not waited for. */
  readonly settledWithin: number | null
}

export type Figure = readonly [label: string, value: string | number]

export function loadFigures({ ledger, stored, notes }: Material): Figure[] {
  const accepted = ledger.wishes.filter(({ acceptedAt }) => acceptedAt !== null)
  return [
    ['accepted', accepted.length],
    ['stored, answer lost', stored.length - accepted.length],
    ['submits sent again', sum(ledger.wishes, ({ retries }) => retries)],
    ['answered keys sent again', sum(ledger.wishes, ({ repeats }) => repeats)],
    ['attempts', `${sum(stored, ({ attempt }) => attempt)} (requests by attempts: ${listed(counted(stored, ({ attempt }) => attempt))})`],
    ['runs in apps', `${sum([...notes.runs.values()], (runs) => runs)} (requests by runs: ${listed(counted(stored, runsOf(notes)))})`],
    [
      'went back to the queue',
      `${sum(stored, ({ events }) => events.filter(isReturn).length)} (judged by L4: ${judgedReturns(ledger, stored)})`,
    ],
  ]
}

/** Those of which it is known how long they waited then. */
function judgedReturns({ wishes, transcripts }: Ledger, stored: readonly Stored[]): number {
  const asked = askedOf(wishes, new Map(stored.map((request) => [request.id, request])), transcripts)
  return sum(asked, ({ waits }) => waits.filter(({ after, from, until }) => after === 'loss' && from < until).length)
}

function runsOf({ runs }: AppNotes): (request: Stored) => number {
  return ({ id }) => runs.get(id) ?? 0
}

export function outcomeFigures({ ledger, stored, notes, settledWithin }: Material): Figure[] {
  const byStatus = Map.groupBy(stored, ({ status }) => status)
  const stopped = [...notes.stopped.values()].flat()
  const canceling = stored.filter(({ events }) => events.some(({ data }) => data['status'] === 'canceling'))
  return [
    ['completed', byStatus.get('completed')?.length ?? 0],
    ['failed', listed(counted(byStatus.get('failed') ?? [], ({ error }) => error?.code ?? 'no code'))],
    ['canceled', `${byStatus.get('canceled')?.length ?? 0} (while running: ${canceling.length})`],
    ['apps told to stop', listed(counted(stopped, (reason) => reason))],
    ['acceptance to outcome', latencies(ofPriority('normal', ledger, stored))],
    ['of low priority', latencies(ofPriority('low', ledger, stored))],
    ['longest outage survived', seconds(ledger.longestOutage)],
    ['all finished after', settledWithin === null ? 'not waited for' : `${seconds(settledWithin)} of peace`],
  ]
}

/** Those of low priority wait for as long as there are others. */
function ofPriority(priority: Priority, { wishes }: Ledger, stored: readonly Stored[]): Stored[] {
  const ids = new Set(wishes.filter((wish) => wish.priority === priority).flatMap((wish) => [...wish.ids]))
  return stored.filter(({ id }) => ids.has(id))
}

/** By the hub's own stamps. */
function latencies(stored: readonly Stored[]): string {
  const all = stored
    .flatMap(({ events }) => {
      const [first, last] = [events[0], events.at(-1)]
      return first !== undefined && last?.type === 'result' ? [last.at - first.at] : []
    })
    .toSorted((a, b) => a - b)
  const at = (share: number): string => seconds(all[Math.floor((all.length - 1) * share)] ?? 0)
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`
}

export function followerFigures({ ledger: { transcripts } }: Material): Figure[] {
  const byVia = Map.groupBy(transcripts, ({ via }) => via)
  return [...byVia]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([via, all]) => {
      const breaks = sum(all, (one) => one.breaks)
      return [`followers by ${via}`, `${all.length}, ${sum(all, ({ events }) => events.length)} events, begun again ${breaks} times`]
    })
}

const FAULTS: readonly (readonly [Fault['kind'], string])[] = [
  ['kill', 'killed (SIGKILL)'],
  ['stop', 'stopped (SIGSTOP)'],
  ['cut', 'lines cut'],
  ['freeze', 'lines frozen'],
  ['half-open', 'lines half open'],
  ['delay', 'lines slow'],
  ['repeat', 'lines that repeat'],
]

export function faultFigures({ troubles: { spans, tally }, notes }: Material): Figure[] {
  const rows = FAULTS.map(([kind, label]): Figure => {
    const targets = spans.filter((span) => span.kind === kind).map(({ target }) => target.replace('line of ', '').replace(/ \d+$/, ''))
    return [label, targets.length === 0 ? 0 : `${targets.length} (${listed(counted(targets, (target) => target))})`]
  })
  const [repeated, late] = ['messages repeated', 'too late to happen'].map((what) => tally.get(what) ?? 0)
  return [...rows, ['messages repeated', repeated ?? 0], ['too late to happen', late ?? 0], ['apps registered', notes.registrations]]
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0)
}

function counted<T>(all: readonly T[], wordOf: (one: T) => string | number): Map<string, number> {
  return new Map([...Map.groupBy(all, (one) => String(wordOf(one)))].map(([word, some]) => [word, some.length]))
}

function listed(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
  return sorted.length === 0 ? '0' : sorted.map(([word, count]) => `${word}: ${count}`).join(', ')
}
