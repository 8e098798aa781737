/** One run: a stage, a load, faults by the schedule, then peace, and the accounting. */
import { inspect } from 'node:util'
import { blindSpans } from './blind.ts'
import { account } from './accounting.ts'
import type { Evidence } from './evidence.ts'
import { injectFaults, type Troubles } from './faults.ts'
import { Followers } from './followers.ts'
import { hasEnded, Ledger } from './ledger.ts'
import { runLoad } from './load.ts'
import { type Report, summarize, violationText } from './report.ts'
import { makeSchedule, type Plan } from './schedule.ts'
import { settled } from './settled.ts'
import { buildStage, type Stage } from './stage.ts'
import { readStore, type Stored } from './stored.ts'
import type { Violation } from './violation.ts'

/** Milliseconds after the last fault within which all accepted requests must be finished. */
const SETTLE_WITHIN = 60_000
const PROGRESS_EVERY = 10_000

export interface Watching {
  /** Told of each fault as it begins and ends. */
  readonly onFault?: (line: string) => void
  /** Told every ten seconds how far it is. */
  readonly onProgress?: (line: string) => void
  readonly evidence?: Evidence
}

/**
 * Rejects only when nothing could be begun. Broken promises are in the report, also what a program met that must not happen.
 * @param stop ends it early, with an accounting of what can be said by then
 */
export async function runChaos(plan: Plan, stop: AbortSignal, watching: Watching = {}): Promise<Report> {
  const { evidence, onFault, onProgress } = watching
  let progress = (): string => 'programs start'
  using _ = every(PROGRESS_EVERY, () => onProgress?.(progress()))
  await using stage = await buildStage(plan, (name, line) => evidence?.line(name, line))
  stop.throwIfAborted()
  const ledger = new Ledger()
  const giveUp = new AbortController()
  const signal = AbortSignal.any([giveUp.signal, stop])
  function onLine(line: string): void {
    evidence?.line('diary', line)
    onFault?.(line)
  }
  const faults = injectFaults(makeSchedule(plan), { stage, seed: plan.seed, until: plan.seconds * 1_000, signal, onLine })
  progress = () => progressOf(ledger, faults.troubles)
  onProgress?.('load and faults begin')
  const whole = {
    plan,
    stage,
    ledger,
    faults,
    giveUp,
    signal,
    onPeace: () => onProgress?.('all faults are over; waiting for what is not finished'),
  }
  let settledWithin: number | null = null
  let failure: unknown
  try {
    settledWithin = await live(whole)
  } catch (error) {
    if (!stop.aborted) failure = error
  }
  // Awaited here, or the stage would be cleared away meanwhile.
  return await takeStock(stage, { plan, ledger, troubles: faults.troubles, settledWithin, failure }, evidence)
}

interface Living {
  readonly plan: Plan
  readonly stage: Stage
  readonly ledger: Ledger
  readonly faults: ReturnType<typeof injectFaults>
  /** Aborts all that is under way. */
  readonly giveUp: AbortController
  readonly signal: AbortSignal
  readonly onPeace: () => void
}

/** Load and faults until those are over, then peace until all is finished. Returns the milliseconds that took. */
async function live({ plan, stage, ledger, faults, giveUp, signal, onPeace }: Living): Promise<number> {
  const ending = new AbortController()
  using followers = new Followers(ledger, signal)
  const load = runLoad({ ledger, stage, followers }, plan.seed, ending.signal, signal)
  let patience: NodeJS.Timeout | undefined
  try {
    await Promise.race([faults.over, failed(load)])
    ending.abort()
    onPeace()
    // From here on everything works. What does not come to its end now never will.
    patience = setTimeout(() => giveUp.abort(), SETTLE_WITHIN)
    const began = performance.now()
    await endOf(load, signal)
    await settled(stage, ledger, signal)
    return performance.now() - began
  } finally {
    clearTimeout(patience)
    ending.abort()
    giveUp.abort()
    await Promise.allSettled([load, faults.over])
  }
}

interface Ran {
  readonly plan: Plan
  readonly ledger: Ledger
  readonly troubles: Troubles
  readonly settledWithin: number | null
  /** What ended it early; undefined when nothing did. */
  readonly failure: unknown
}

async function takeStock(stage: Stage, ran: Ran, evidence?: Evidence): Promise<Report> {
  const log = stage.log()
  const { notes } = stage
  const open = notes.open()
  for (const [name, program] of stage.programs) if (name !== 'postgres' && name !== 'redis') await program.kill()
  const stored = await readAgain(stage)
  const { plan, ledger, troubles, settledWithin, failure } = ran
  const isPartial = settledWithin === null
  const { wishes, transcripts } = ledger
  const apps = { whole: notes.whole, open }
  const found = account({ wishes, transcripts, stored, apps, blind: blindSpans(plan, troubles.spans) })
  const violations = [...unexpected(failure), ...(isPartial ? found.filter(countsEarly(ran)) : found)]
  await keep(evidence, stored, violations)
  return summarize({ ...ran, isPartial, stored, violations, notes, log })
}

/** A request that is refused to who may see it, a hub that cannot be started again. */
function unexpected(failure: unknown): Violation[] {
  if (failure === undefined) return []
  return [{ kind: 'unexpected', id: '-', what: inspect(failure) }]
}

/** A run that was stopped left requests unfinished and followers in the middle. */
function countsEarly({ ledger }: Ran): (violation: Violation) => boolean {
  const cutShort = new Set(ledger.transcripts.filter((one) => !hasEnded(one) && one.gaps === 0).map(({ id }) => id))
  return ({ kind, id }) => kind !== 'unfinished' && kind !== 'not stopped' && !(kind === 'follower gap' && cutShort.has(id))
}

/** PostgreSQL is down where the run was stopped while it was, or where Ctrl+C reached it too. */
async function readAgain({ storage, programs }: Stage): Promise<Stored[]> {
  try {
    return await readStore(storage)
  } catch (error) {
    const postgres = programs.get('postgres')
    if (postgres === undefined) throw error
    await postgres.kill()
    await postgres.start()
    return readStore(storage)
  }
}

async function keep(evidence: Evidence | undefined, stored: readonly Stored[], violations: readonly Violation[]): Promise<void> {
  const byId = new Map<string, Stored>(stored.map((request) => [request.id, request]))
  await evidence?.file('requests.jsonl', stored.map((request) => `${JSON.stringify(request)}\n`).join(''))
  if (violations.length > 0) await evidence?.file('violations.txt', violations.map((one) => `${violationText(one, byId)}\n`).join('\n'))
}

function progressOf(ledger: Ledger, { spans }: Troubles): string {
  const followed = ledger.transcripts.filter(hasEnded).length
  const [gaps, duplicates] = (['gaps', 'duplicates'] as const).map((what) => ledger.transcripts.reduce((sum, one) => sum + one[what], 0))
  const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20)
  const followers = `followers ${followed} of ${ledger.transcripts.length} at their end, ${gaps} gaps, ${duplicates} duplicates`
  return `accepted ${ledger.acceptedCount} of ${ledger.wishes.length}; ${followers}; faults ${spans.length}; ${megabytes} MB here`
}

/** A load that ends before the faults do is one that failed. */
async function failed(load: Promise<void>): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  load.catch(reject)
  return promise
}

/** What was given up is found in the accounting. */
async function endOf(load: Promise<void>, giveUp: AbortSignal): Promise<void> {
  await load.catch((error: unknown) => {
    if (!giveUp.aborted) throw error
  })
}

function every(ms: number, call: () => void): Disposable {
  const timer = setInterval(call, ms)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
