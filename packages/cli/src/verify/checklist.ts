import type { Cli } from '../cli.ts'
import { CommandFailure } from '../command-failure.ts'
import { tellReason } from '../failures.ts'
import type { MessageKey } from '../messages/en.ts'

/** One line of the list. Throws when it does not hold; a returned text is a remark shown behind it. */
export interface Check<Stage> {
  readonly title: MessageKey
  readonly run: (stage: Stage) => Promise<string | void>
}

export interface Section<Stage> {
  readonly title: MessageKey
  readonly checks: readonly Check<Stage>[]
}

export interface Score {
  readonly passed: number
  readonly failed: number
}

/** A check that hangs has failed. */
const CHECK_WITHIN_MS = 60_000

/** Runs every check in order, whatever the earlier ones said, and prints each as it is known. */
export async function runChecklist<Stage>(
  cli: Cli,
  sections: readonly Section<Stage>[],
  stage: Stage,
  signal: AbortSignal,
): Promise<Score> {
  let passed = 0
  let failed = 0
  for (const section of sections) {
    cli.out('')
    cli.out(cli.colors.bold(cli.t(section.title)))
    for (const check of section.checks) {
      signal.throwIfAborted()
      const { ok, remark } = await outcomeOf(cli, check, stage, signal)
      if (ok) passed += 1
      else failed += 1
      cli.out(line(cli, cli.t(check.title), ok, remark))
    }
  }
  return { passed, failed }
}

async function outcomeOf<Stage>(
  cli: Cli,
  check: Check<Stage>,
  stage: Stage,
  signal: AbortSignal,
): Promise<{ ok: boolean; remark: string }> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(notWithin(CHECK_WITHIN_MS)), CHECK_WITHIN_MS)
  const stop = () => reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return { ok: true, remark: (await Promise.race([check.run(stage), tooLate])) ?? '' }
  } catch (error) {
    signal.throwIfAborted()
    return { ok: false, remark: tellReason(cli, error) }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

function line(cli: Cli, title: string, ok: boolean, remark: string): string {
  const { green, red, dim } = cli.colors
  const mark = ok ? green('✓') : red('✗')
  if (remark === '') return `  ${mark} ${title}`
  return `  ${mark} ${title}${ok ? dim(` (${remark})`) : `: ${remark}`}`
}

export function notWithin(milliseconds: number, what = ''): CommandFailure {
  return new CommandFailure('verify.not_within', { seconds: (milliseconds / 1000).toFixed(0), what })
}

/** Fails the check with what was expected and what was there; both are data, the same in every language. */
export function mustBe(condition: boolean, expected: string, seen: unknown): asserts condition {
  if (!condition)
    throw new CommandFailure('verify.unexpected', {
      expected,
      seen: typeof seen === 'string' ? seen : (JSON.stringify(seen) ?? 'undefined'),
    })
}
