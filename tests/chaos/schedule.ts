/** What goes wrong when, as a pure function of the plan: the same plan is the same schedule. */
import { createRandom, type Random } from '../harness/random.ts'

export interface Plan {
  readonly seed: number
  /** How long faults and load go on. */
  readonly seconds: number
  readonly database: 'sqlite' | 'postgres'
  /** Hub processes; more than one need PostgreSQL. */
  readonly nodes: number
  /** Apps of the busy space. Two further spaces have one each. */
  readonly apps: number
  readonly users: number
}

/** Programs and lines go by such names: `hub 0`, `app 2`, `line of app 2`, `postgres`. */
export type Target = string
type Way = 'up' | 'down'

/** `at` is milliseconds since the load began, `lasts` milliseconds. All is over when the plan's seconds are. */
export type Fault = { readonly at: number; readonly target: Target } & (
  | { readonly kind: 'kill' | 'stop'; readonly lasts: number }
  | { readonly kind: 'cut' }
  | { readonly kind: 'freeze' | 'half-open'; readonly lasts: number; readonly ways: readonly Way[] }
  | { readonly kind: 'delay'; readonly lasts: number; readonly ms: number }
  | { readonly kind: 'repeat'; readonly lasts: number }
)

/** Milliseconds between two faults, on average. */
const BETWEEN = 600
/** In a run of at least this many seconds some faults outlast every patience of the hub. */
const LONG_RUN = 120
/** Longer than `heartbeatGiveUp`. */
const ENDLESS = 26_000
/** What nothing works without must not be away for most of a run. */
const ENDLESS_CHANCE: Readonly<Record<Group, number>> = {
  hub: 0.08,
  app: 0.08,
  postgres: 0.02,
  redis: 0.04,
  'app line': 0.08,
  'people line': 0.08,
  'database line': 0.02,
}
const ONLY_HUB_CHANCE = 0.02
const DATABASES: readonly Group[] = ['postgres', 'redis', 'database line']
/** Milliseconds between two troubles of any of these: a hub that starts needs all of them, and gives up when one fails. */
const DATABASE_PEACE = 10_000
/** Milliseconds that trouble lasts, at most: a hub has others beside it, and without a database none of them works. */
const LASTS: Readonly<Partial<Record<Group, number>>> = { postgres: 2_000, redis: 2_000, 'database line': 2_000 }

type Kind = Fault['kind']
type Group = 'hub' | 'app' | 'postgres' | 'redis' | 'app line' | 'people line' | 'database line'

/** Programs and lines by what may happen to them. */
export function castOf({ database, nodes, apps, users }: Plan): Readonly<Record<Group, readonly Target[]>> {
  const isShared = database === 'postgres'
  const hubs = names('hub', nodes)
  const all = names('app', apps + 2)
  return {
    hub: hubs,
    app: all,
    postgres: isShared ? ['postgres'] : [],
    redis: isShared ? ['redis'] : [],
    'app line': all.map(lineOf),
    'people line': names('user', users).map(lineOf),
    'database line': isShared ? [lineOf('postgres'), lineOf('redis')] : [],
  }
}

export function lineOf(target: Target): Target {
  return `line of ${target}`
}

export function names(word: string, count: number): Target[] {
  return Array.from({ length: count }, (_, index) => `${word} ${index}`)
}

const HAPPENS: readonly (readonly [Group, readonly Kind[]])[] = [
  ['hub', ['kill', 'kill', 'stop']],
  ['app', ['kill', 'kill', 'stop']],
  ['postgres', ['kill']],
  ['redis', ['kill']],
  ['app line', ['cut', 'freeze', 'half-open', 'delay', 'repeat', 'repeat']],
  ['people line', ['cut', 'cut', 'freeze', 'half-open', 'delay']],
  ['database line', ['cut', 'freeze', 'delay']],
]

export function makeSchedule(plan: Plan): Fault[] {
  const random = createRandom(plan.seed)
  const cast = castOf(plan)
  const all = HAPPENS.flatMap(([group, kinds]) => (cast[group].length === 0 ? [] : kinds.map((kind) => ({ group, kind }))))
  const busyUntil = new Map<Target, number>()
  const faults: Fault[] = []
  let bag = random.shuffled(all)
  for (let at = BETWEEN; at < plan.seconds * 1_000; at += random.int(BETWEEN / 3, (BETWEEN * 5) / 3)) {
    const next = bag.pop() ?? { group: 'app line', kind: 'cut' }
    if (bag.length === 0) bag = random.shuffled(all)
    const free = cast[next.group].filter((target) => (busyUntil.get(target) ?? 0) <= at)
    if (free.length === 0) continue
    const fault = makeFault(random, plan, { at, target: random.pick(free), ...next })
    const over = at + ('lasts' in fault ? fault.lasts : 0)
    if (isDatabase(next.group)) for (const target of DATABASES.flatMap((group) => cast[group])) busyUntil.set(target, over + DATABASE_PEACE)
    else busyUntil.set(fault.target, over + BETWEEN)
    faults.push(fault)
  }
  return faults
}

function isDatabase(group: Group): boolean {
  return DATABASES.includes(group)
}

interface Drawn {
  readonly at: number
  readonly target: Target
  readonly group: Group
  readonly kind: Kind
}

function makeFault(random: Random, plan: Plan, { at, target, group, kind }: Drawn): Fault {
  const isOnlyHub = group === 'hub' && plan.nodes === 1
  const endless = plan.seconds >= LONG_RUN && random.chance(isOnlyHub ? ONLY_HUB_CHANCE : ENDLESS_CHANCE[group])
  const drawn = endless ? ENDLESS : random.int(300, group === 'hub' && !isOnlyHub ? 7_000 : (LASTS[group] ?? 3_000))
  const lasts = Math.min(drawn, plan.seconds * 1_000 - at)
  switch (kind) {
    case 'kill':
    case 'stop':
      return { at, target, kind, lasts }
    case 'cut':
      return { at, target, kind }
    case 'freeze':
    case 'half-open':
      return { at, target, kind, lasts, ways: random.pick<readonly Way[]>([['up'], ['down'], ['up', 'down']]) }
    case 'delay':
      // A hub that starts asks its database a hundred times.
      return { at, target, kind, lasts, ms: group === 'database line' ? random.int(5, 60) : random.int(20, 400) }
    case 'repeat':
      return { at, target, kind, lasts: Math.min(lasts + 2_000, plan.seconds * 1_000 - at) }
  }
}
