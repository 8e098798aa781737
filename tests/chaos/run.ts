/** One run: a stage, a load, faults by the schedule, then peace, and the accounting. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { SpacesClient } from '@websocket-spaces/client'
import { SpacesError } from '@websocket-spaces/protocol'
import { account } from './accounting.ts'
import { injectFaults, type Tally } from './faults.ts'
import { Followers } from './followers.ts'
import { Ledger } from './ledger.ts'
import { runLoad } from './load.ts'
import { type Report, summarize } from './report.ts'
import { makeSchedule, type Plan } from './schedule.ts'
import { buildStage, type Stage } from './stage.ts'
import { readStore } from './stored.ts'

/** Milliseconds after the last fault within which all accepted requests must be finished. */
const SETTLE_WITHIN = 60_000
const LOOK_EVERY = 100

/** Rejects only when the run itself could not be done; broken promises are in the report. */
export async function runChaos(plan: Plan, signal: AbortSignal): Promise<Report> {
  await using stage = await buildStage(plan)
  const ledger = new Ledger()
  const ending = new AbortController()
  const giveUp = new AbortController()
  const all = AbortSignal.any([giveUp.signal, signal])
  using followers = new Followers(ledger, all)
  const load = runLoad({ ledger, stage, followers }, plan.seed, ending.signal, all)
  const faults = injectFaults(stage, makeSchedule(plan), plan.seed, all)
  const timers: NodeJS.Timeout[] = []
  try {
    timers.push(setTimeout(() => ending.abort(), plan.seconds * 1_000))
    const tally = await Promise.race([faults, failed(load)])
    // From here on everything works. What does not come to its end now never will.
    const patience = setTimeout(() => giveUp.abort(), SETTLE_WITHIN)
    timers.push(patience)
    const began = performance.now()
    await endOf(load, giveUp.signal)
    await settled(stage, ledger, giveUp.signal)
    const settledWithin = performance.now() - began
    clearTimeout(patience)
    return await takeStock(stage, { plan, ledger, tally, settledWithin })
  } finally {
    for (const timer of timers) clearTimeout(timer)
    ending.abort()
    giveUp.abort()
    await Promise.allSettled([load, faults])
  }
}

interface Ran {
  readonly plan: Plan
  readonly ledger: Ledger
  readonly tally: Tally
  readonly settledWithin: number
}

async function takeStock(stage: Stage, { plan, ledger, tally, settledWithin }: Ran): Promise<Report> {
  const log = stage.log()
  for (const [name, program] of stage.programs) if (name !== 'postgres' && name !== 'redis') await program.kill()
  const stored = await readStore(stage.storage)
  const violations = account({ wishes: ledger.wishes, transcripts: ledger.transcripts, stored })
  return summarize({ plan, ledger, tally, stored, violations, runs: stage.runs, settledWithin, log })
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

/** Waits for requests that nobody follows. */
async function settled(stage: Stage, ledger: Ledger, giveUp: AbortSignal): Promise<void> {
  const clients = new Map(stage.users.map(({ name, client }) => [name, client]))
  for (const { ids, user } of ledger.wishes) {
    for (const id of ids) while (!giveUp.aborted && !(await isOver(clients.get(user), id))) await sleep(LOOK_EVERY)
  }
}

/** Also when it is not there any more: then nothing is to be waited for. */
async function isOver(client: SpacesClient | undefined, id: string): Promise<boolean> {
  try {
    return (await client?.getRequest(id))?.finished_at !== null
  } catch (error) {
    return error instanceof SpacesError && !error.retryable
  }
}
