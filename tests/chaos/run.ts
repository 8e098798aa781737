/** One run: a stage, a load, faults by the schedule, then peace, and the accounting. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { SpacesClient } from '@websocket-spaces/client'
import { SpacesError } from '@websocket-spaces/protocol'
import { account } from './accounting.ts'
import { injectFaults, type Troubles } from './faults.ts'
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

/**
 * Rejects only when the run itself could not be done; broken promises are in the report.
 * @param onLine told of each fault as it begins and ends
 */
export async function runChaos(plan: Plan, signal: AbortSignal, onLine?: (line: string) => void): Promise<Report> {
  await using stage = await buildStage(plan)
  const ledger = new Ledger()
  const ending = new AbortController()
  const giveUp = new AbortController()
  const all = AbortSignal.any([giveUp.signal, signal])
  using followers = new Followers(ledger, all)
  const load = runLoad({ ledger, stage, followers }, plan.seed, ending.signal, all)
  const faults = injectFaults(makeSchedule(plan), {
    stage,
    seed: plan.seed,
    until: plan.seconds * 1_000,
    signal: all,
    ...(onLine === undefined ? {} : { onLine }),
  })
  let patience: NodeJS.Timeout | undefined
  try {
    const troubles = await Promise.race([faults, failed(load)])
    ending.abort()
    // From here on everything works. What does not come to its end now never will.
    patience = setTimeout(() => giveUp.abort(), SETTLE_WITHIN)
    const began = performance.now()
    await endOf(load, giveUp.signal)
    await settled(stage, ledger, giveUp.signal)
    return await takeStock(stage, { plan, ledger, troubles, settledWithin: performance.now() - began })
  } finally {
    clearTimeout(patience)
    ending.abort()
    giveUp.abort()
    await Promise.allSettled([load, faults])
  }
}

interface Ran {
  readonly plan: Plan
  readonly ledger: Ledger
  readonly troubles: Troubles
  readonly settledWithin: number
}

async function takeStock(stage: Stage, { plan, ledger, troubles, settledWithin }: Ran): Promise<Report> {
  const log = stage.log()
  for (const [name, program] of stage.programs) if (name !== 'postgres' && name !== 'redis') await program.kill()
  const stored = await readStore(stage.storage)
  const violations = account({ wishes: ledger.wishes, transcripts: ledger.transcripts, stored })
  return summarize({ plan, ledger, troubles, stored, violations, runs: stage.runs, settledWithin, log })
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
