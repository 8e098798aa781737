/** Does to the stage what the schedule says. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Line } from '../harness/line.ts'
import { createRandom } from '../harness/random.ts'
import type { Fault, Target } from './schedule.ts'
import type { Program, Stage } from './stage.ts'
import type { Span } from './starts.ts'

/** Milliseconds for which a target works between two troubles, at least; a program works as long as it was away, at most the longest. */
const AT_PEACE = 1_000
const LONGEST_PEACE = 8_000
/** Milliseconds. On a slow machine, where programs start slowly, they would otherwise be killed as soon as they are there. */
const TOO_LATE = 10_000

export interface Troubles {
  /** How often each kind of thing went wrong. */
  readonly tally: ReadonlyMap<string, number>
  /** What began and ended when. */
  readonly diary: readonly string[]
  readonly spans: readonly TroubleSpan[]
}

/** What happened to a target. Milliseconds since 1970. */
export interface TroubleSpan extends Span {
  readonly target: Target
  readonly kind: Fault['kind']
}

export interface Trouble {
  readonly stage: Stage
  readonly seed: number
  /** Milliseconds from the beginning after which nothing new begins, however far behind a slow machine is. */
  readonly until: number
  readonly signal: AbortSignal
  /** Told each line of the diary as it is written. */
  readonly onLine?: (line: string) => void
}

/**
 * What may come twice on the wire: messages that say a state, so that a program may say them again when it does not know
 * whether it was heard. Not output: its pieces carry no number, and twice the same piece is a text that has it twice.
 */
const REPEATED = /^42\d*\["(register|renew|drain|inference_result|inference_progress|inference_request|inference_cancel|goodbye)"/
/** Acknowledgements, both ways. */
const ACK = /^43\d+/

/**
 * `troubles` grows as it goes on. `over` resolves when all of it is over and everything works again; it rejects when a program
 * cannot be started again, or with the signal's reason.
 */
export function injectFaults(schedule: readonly Fault[], trouble: Trouble): { readonly troubles: Troubles; readonly over: Promise<void> } {
  const { stage, seed, until, signal, onLine } = trouble
  const tally = new Map<string, number>()
  const diary: string[] = []
  const spans: TroubleSpan[] = []
  const began = performance.now()
  // On a slow machine a program may take longer to come back than the schedule thought: its next trouble waits for that.
  const last = new Map<Target, Promise<void>>()
  for (const [index, fault] of schedule.entries()) {
    const before = last.get(fault.target) ?? Promise.resolve()
    const next = before.then(() => happen(fault, index))
    last.set(fault.target, next)
  }
  const over = Promise.all(last.values()).then(() => undefined)
  return { troubles: { tally, diary, spans }, over }

  async function happen(fault: Fault, index: number): Promise<void> {
    const { at, target, kind } = fault
    await sleep(Math.max(0, at - (performance.now() - began)), undefined, { signal })
    const now = performance.now() - began
    if (now > until || now > at + TOO_LATE) return count(tally, 'too late to happen')
    count(tally, `${kind} ${target.replace(/ \d+$/, '')}`)
    write(`${kind} ${target}${'lasts' in fault ? ` for ${fault.lasts} ms` : ''}${'ways' in fault ? ` ${fault.ways.join(' and ')}` : ''}`)
    const from = Date.now()
    const program = stage.programs.get(target)
    const line = stage.lines.get(target)
    if (program !== undefined) await happenTo(program, fault, signal)
    else if (line !== undefined) count(tally, 'messages repeated', await happenOn(line, fault, seed + index, signal))
    else throw new Error(`there is no ${target}`)
    const to = Date.now()
    spans.push({ target, kind, from, to })
    if (!('lasts' in fault)) return
    write(`${target} is back from ${kind}`)
    const peace = program === undefined ? AT_PEACE : Math.min(LONGEST_PEACE, Math.max(AT_PEACE, to - from))
    await sleep(peace, undefined, { signal })
  }

  function write(what: string): void {
    const line = `${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${new Date().toISOString()}  ${what}`
    diary.push(line)
    onLine?.(line)
  }
}

function count(tally: Map<string, number>, what: string, by = 1): void {
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
      // One that does not answer must not be there beside the next.
      await program.kill()
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
