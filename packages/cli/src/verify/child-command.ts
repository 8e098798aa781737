import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CommandFailure } from '../command-failure.ts'
import { notWithin } from './checklist.ts'

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
const KEPT_LINES = 5_000
const LINE_WITHIN_MS = 20_000
const STOP_WITHIN_MS = 10_000

/** A command of this program in a process of its own, as a person would run it in a terminal. */
export interface ChildCommand extends AsyncDisposable {
  /** What it has printed so far, both streams. */
  readonly lines: readonly string[]
  /** The first line from `from` on that matches, now or later. */
  readonly line: (pattern: RegExp, from?: number) => Promise<string>
  readonly exit: () => Promise<number>
  /** Ctrl+C, and waits for its end. */
  readonly interrupt: () => Promise<number>
}

export function startCommand(args: readonly string[], env: NodeJS.ProcessEnv): ChildCommand {
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  const watchers = new Set<() => void>()
  const wake = () => {
    for (const watcher of watchers) watcher()
  }
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (text) => {
      if (lines.length < KEPT_LINES) lines.push(text)
      wake()
    })
  }
  const ended = endOf(child).finally(wake)
  ended.catch(() => undefined)

  function line(pattern: RegExp, from = 0): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const look = () => {
      const found = lines.slice(from).find((text) => pattern.test(text))
      if (found !== undefined) resolve(found)
      else if (child.exitCode !== null) reject(endedEarly(args, lines))
    }
    const timer = setTimeout(() => reject(notWithin(LINE_WITHIN_MS, pattern.source)), LINE_WITHIN_MS)
    watchers.add(look)
    look()
    return promise.finally(() => {
      clearTimeout(timer)
      watchers.delete(look)
    })
  }

  async function stop(signal: NodeJS.Signals): Promise<number> {
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
    return ended.finally(() => clearTimeout(timer))
  }

  return {
    lines,
    line,
    exit: () => ended,
    interrupt: () => stop('SIGINT'),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) await stop('SIGTERM').catch(() => undefined)
    },
  }
}

/** The exit status; 1 for one that was killed. */
function endOf(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  child.once('error', reject)
  child.once('close', (code) => resolve(code ?? 1))
  return promise
}

/** Its last line is where a command says what went wrong. */
function endedEarly(args: readonly string[], lines: readonly string[]): CommandFailure {
  const said = lines.filter((text) => /[✗]/.test(text)).at(-1) ?? lines.findLast((text) => text.trim() !== '') ?? ''
  return new CommandFailure('verify.command_ended', { command: `spaces ${args[0] ?? ''}`, said: said.trim() })
}
