/** The figures of a run as a table, and with violations what is needed to find their cause. */
import { type Figure, faultFigures, followerFigures, loadFigures, type Material, outcomeFigures } from './figures.ts'
import type { Plan } from './schedule.ts'
import type { Stored } from './stored.ts'
import type { Violation } from './violation.ts'

export interface Report {
  readonly plan: Plan
  readonly violations: readonly Violation[]
  readonly accepted: number
  /** Stopped before its end: what was still under way then counts for nothing. */
  readonly isPartial: boolean
  readonly groups: readonly (readonly [title: string, figures: readonly Figure[]])[]
  /** For whoever looks for the cause of a violation. */
  readonly details: string
}

export interface Findings extends Material {
  readonly plan: Plan
  readonly violations: readonly Violation[]
  readonly isPartial: boolean
  /** Last lines of hubs and apps. */
  readonly log: string
}

const KINDS_SHOWN: readonly (readonly [Violation['kind'], string])[] = [
  ['lost', 'lost'],
  ['unfinished', 'unfinished'],
  ['double outcome', 'double outcomes'],
  ['wrong answer', 'wrong answers'],
  ['wrong output', 'wrong outputs'],
  ['unfounded outcome', 'unfounded outcomes'],
  ['made twice', 'requests made twice'],
  ['broken log', 'broken event logs'],
  ['not stopped', 'apps not told to stop'],
  ['order', 'overtaken in the queue'],
  ['not next again', 'overtaken after a loss'],
  ['unfair', 'users passed over'],
  ['follower gap', 'follower gaps'],
  ['follower duplicate', 'follower duplicates'],
  ['follower differs', 'follower differences'],
  ['unexpected', 'unexpected errors'],
]
const SHOWN = 10
const LABEL_WIDTH = 26

export function summarize(findings: Findings): Report {
  const { plan, ledger, violations, isPartial } = findings
  return {
    plan,
    violations,
    accepted: ledger.acceptedCount,
    isPartial,
    groups: [
      ['Load', loadFigures(findings)],
      ['Outcomes', outcomeFigures(findings)],
      ['Followers', followerFigures(findings)],
      ['Faults', faultFigures(findings)],
      ['Accounting', KINDS_SHOWN.map(([kind, label]) => [label, violations.filter((violation) => violation.kind === kind).length])],
    ],
    details: detailsOf(findings),
  }
}

/** The command that repeats a run. */
export function commandOf({ seed, seconds, database, nodes, apps, users }: Plan): string {
  return `npm run chaos -- --seed ${seed} --seconds ${seconds} --database ${database} --nodes ${nodes} --apps ${apps} --users ${users}`
}

/** All of it as one text. */
export function reportText(report: Report): string {
  const { plan, violations, groups, details, isPartial } = report
  const head = `${plan.database}, ${plan.nodes} hub ${plan.nodes === 1 ? 'process' : 'processes'}, ${plan.seconds} s, seed ${plan.seed}`
  const tables = groups.flatMap(([title, figures]) => [
    '',
    title,
    ...figures.map(([label, value]) => `  ${label.padEnd(LABEL_WIDTH)}${value}`),
  ])
  const verdict = violations.length === 0 ? '✓ no violation' : `✗ ${violations.length} violations`
  const ending = isPartial ? `${verdict} so far; incomplete: it ended early` : verdict
  return [head, ...tables, '', ...(details === '' ? [] : [details, '']), ending, `The same faults again: ${commandOf(plan)}`].join('\n')
}

function detailsOf({ violations, stored, notes, log, troubles }: Findings): string {
  if (violations.length === 0) return ''
  const byId = new Map<string, Stored>(stored.map((request) => [request.id, request]))
  const shown = violations.slice(0, SHOWN).map((one) => `${violationText(one, byId)}\n  begun ${notes.runs.get(one.id) ?? 0} times`)
  const more = violations.length > SHOWN ? [`… and ${violations.length - SHOWN} more`] : []
  return [...shown, ...more, '', 'Faults:', ...troubles.diary, '', 'Last lines of hubs and apps:', log].join('\n')
}

/** With all events of the request, and of others that it names. */
export function violationText({ kind, id, what }: Violation, byId: ReadonlyMap<string, Stored>): string {
  const named = [id, ...what.split(/[^\w-]+/).filter((word) => word !== id && byId.has(word))]
  const logs = named.flatMap((one) => {
    const request = byId.get(one)
    const events = request?.events.map(
      ({ seq, at, type, data }) => `    ${seq} ${new Date(at).toISOString()} ${type} ${JSON.stringify(data)}`,
    )
    return [`  ${one} ${request?.status ?? 'not in the store'} ${request?.prompt ?? ''}`, ...(events ?? [])]
  })
  return [`✗ ${kind}: ${id}: ${what}`, ...logs].join('\n')
}
