/** The figures of a run, for people. */
import type { Violation } from './violation.ts'
import type { Troubles } from './faults.ts'
import type { Ledger, Transcript } from './ledger.ts'
import type { Plan } from './schedule.ts'
import type { Stored } from './stored.ts'

export interface Report {
  readonly plan: Plan
  readonly violations: readonly Violation[]
  readonly accepted: number
  /** One line each. */
  readonly lines: readonly string[]
  /** Faults and other events by kind. */
  readonly faults: ReadonlyMap<string, number>
  /** For whoever looks for the cause of a violation. */
  readonly details: string
}

interface Material {
  readonly plan: Plan
  readonly ledger: Ledger
  readonly troubles: Troubles
  readonly stored: readonly Stored[]
  readonly violations: readonly Violation[]
  readonly runs: ReadonlyMap<string, number>
  readonly settledWithin: number
  readonly log: string
}

const KINDS_SHOWN: readonly (readonly [Violation['kind'], string])[] = [
  ['lost', 'lost'],
  ['unfinished', 'unfinished'],
  ['double outcome', 'double outcomes'],
  ['wrong answer', 'wrong answers'],
  ['unfounded outcome', 'unfounded outcomes'],
  ['made twice', 'requests made twice'],
  ['broken log', 'broken event logs'],
  ['order', 'order violations'],
  ['follower gap', 'follower gaps'],
  ['follower duplicate', 'follower duplicates'],
  ['follower differs', 'follower differences'],
]
const SHOWN = 10

export function summarize(material: Material): Report {
  const { plan, ledger, troubles, stored, violations, runs } = material
  const accepted = ledger.wishes.filter(({ acceptedAt }) => acceptedAt !== null)
  const byStatus = Map.groupBy(stored, ({ status }) => status)
  const failures = counted((byStatus.get('failed') ?? []).map(({ error }) => error?.code ?? 'no code'))
  const figures: readonly (readonly [string, string | number])[] = [
    ['accepted', accepted.length],
    ['completed', byStatus.get('completed')?.length ?? 0],
    ['failed', listed(failures)],
    ['canceled', byStatus.get('canceled')?.length ?? 0],
    ['stored without an answer', stored.length - accepted.length],
    ['submits sent again', ledger.wishes.reduce((sum, { retries }) => sum + retries, 0)],
    ['runs per request', listed(counted(stored.map(({ id }) => `${runs.get(id) ?? 0}`)))],
    ['followers', followersOf(ledger.transcripts)],
    ...KINDS_SHOWN.map(([kind, label]) => [label, violations.filter((violation) => violation.kind === kind).length] as const),
    ['faults', listed(troubles.tally)],
    ['longest outage survived', `${(ledger.longestOutage / 1_000).toFixed(1)} s`],
    ['all finished after', `${(material.settledWithin / 1_000).toFixed(1)} s of peace`],
    ['seed', plan.seed],
  ]
  return {
    plan,
    violations,
    accepted: accepted.length,
    lines: figures.map(([label, value]) => `${label.padEnd(26)}${value}`),
    faults: troubles.tally,
    details: detailsOf(material),
  }
}

/** The command that repeats a run. */
export function commandOf({ seed, seconds, database, nodes, apps, users }: Plan): string {
  return `npm run chaos -- --seed ${seed} --seconds ${seconds} --database ${database} --nodes ${nodes} --apps ${apps} --users ${users}`
}

/** All of it as one text; with violations, what is needed to find their cause. */
export function reportText(report: Report): string {
  const { plan, violations, lines, details } = report
  const head = `${plan.database}, ${plan.nodes} hub ${plan.nodes === 1 ? 'process' : 'processes'}, ${plan.seconds} s`
  if (violations.length === 0) return [head, ...lines].join('\n')
  return [head, ...lines, '', details, '', `The same faults again: ${commandOf(plan)}`].join('\n')
}

function detailsOf({ violations, stored, runs, log, troubles }: Material): string {
  if (violations.length === 0) return ''
  const byId = new Map<string, Stored>(stored.map((request) => [request.id, request]))
  const shown = violations.slice(0, SHOWN).map(({ kind, id, what }) => {
    const events = byId
      .get(id)
      ?.events.map(({ seq, at, type, data }) => `    ${seq} ${new Date(at).toISOString()} ${type} ${JSON.stringify(data)}`)
    return [`✗ ${kind}: ${id}: ${what} (begun ${runs.get(id) ?? 0} times)`, ...(events ?? [])].join('\n')
  })
  const more = violations.length > SHOWN ? [`… and ${violations.length - SHOWN} more`] : []
  return [...shown, ...more, '', 'Faults:', ...troubles.diary, '', 'Last lines of hubs and apps:', log].join('\n')
}

function followersOf(transcripts: readonly Transcript[]): string {
  const breaks = transcripts.reduce((sum, transcript) => sum + transcript.breaks, 0)
  const events = transcripts.reduce((sum, transcript) => sum + transcript.events.length, 0)
  return `${transcripts.length} (${listed(counted(transcripts.map(({ via }) => via)))}), ${events} events, broken off ${breaks} times`
}

function counted(words: readonly string[]): Map<string, number> {
  return new Map([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]))
}

function listed(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].toSorted(([a], [b]) => a.localeCompare(b))
  return sorted.length === 0 ? '0' : sorted.map(([word, count]) => `${word}: ${count}`).join(', ')
}
