/** Does to the stage what the schedule says. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Line } from '../harness/line.ts'
import { createRandom } from '../harness/random.ts'
import type { Fault, Target } from './schedule.ts'
import type { Program, Stage } from './stage.ts'

/** How often each kind of thing went wrong. */
export type Tally = Map<string, number>

/**
 * What may come twice on the wire: messages that say a state, so that a program may say them again when it does not know
 * whether it was heard. Not output: its pieces carry no number, and twice the same piece is a text that has it twice.
 */
const REPEATED = /^42\d*\["(register|inference_result|inference_progress|inference_request|inference_cancel|goodbye)"/
/** Acknowledgements, both ways. */
const ACK = /^43\d+/

/** Resolves when all of it is over and everything works again. Rejects when a program cannot be started again. */
export async function injectFaults(stage: Stage, schedule: readonly Fault[], seed: number, signal: AbortSignal): Promise<Tally> {
  const tally: Tally = new Map()
  const began = performance.now()
  /** On a slow machine a program may take longer to come back than the schedule thought: then the next trouble waits for it. */
  const troubles = new Map<Target, Promise<void>>()
  await Promise.all(
    schedule.map((fault, index) => {
      const trouble = (troubles.get(fault.target) ?? Promise.resolve()).then(() => happen(fault, index))
      troubles.set(fault.target, trouble)
      return trouble
    }),
  )
  return tally

  async function happen(fault: Fault, index: number): Promise<void> {
    await sleep(Math.max(0, fault.at - (performance.now() - began)), undefined, { signal })
    count(tally, `${fault.kind} ${fault.target.replace(/ \d+$/, '')}`)
    const program = stage.programs.get(fault.target)
    const line = stage.lines.get(fault.target)
    if (program !== undefined) await happenTo(program, fault, signal)
    else if (line !== undefined) count(tally, 'messages repeated', await happenOn(line, fault, seed + index, signal))
    else throw new Error(`there is no ${fault.target}`)
  }
}

function count(tally: Tally, what: string, by = 1): void {
  if (by > 0) tally.set(what, (tally.get(what) ?? 0) + by)
}

async function happenTo(program: Program, fault: Fault, signal: AbortSignal): Promise<void> {
  if (fault.kind === 'kill') {
    await program.kill()
    await sleep(fault.lasts, undefined, { signal })
    await startAgain(program, signal)
  } else if (fault.kind === 'stop') {
    program.pause?.()
    await sleep(fault.lasts, undefined, { signal })
    program.resume?.()
  }
}

/** A hub ends at once while its database is away; whoever runs it starts it again. */
async function startAgain(program: Program, signal: AbortSignal): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await program.start()
    } catch (error) {
      if (tries === 20) throw error
      await sleep(300, undefined, { signal })
    }
  }
}

/** Returns how many messages were repeated. */
async function happenOn(line: Line, fault: Fault, seed: number, signal: AbortSignal): Promise<number> {
  switch (fault.kind) {
    case 'kill':
    case 'stop':
      throw new Error(`no program is called ${fault.target}`)
    case 'cut':
      line.cut()
      return 0
    case 'freeze':
    case 'half-open':
      line.freeze(fault.kind === 'freeze' ? 'hold' : 'swallow', fault.ways)
      break
    case 'delay':
      line.delay(fault.ms)
      break
    case 'repeat': {
      const random = createRandom(seed)
      line.repeat(
        (message) => REPEATED.test(message) || ACK.test(message),
        () => random.chance(0.5),
      )
    }
  }
  await sleep(fault.lasts, undefined, { signal })
  return line.clear()
}
