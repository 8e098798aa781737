import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const KEPT_LINES = 5_000

/** Whatever ends this process, none of its children outlives it. */
const living = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

/** A real process whose lines a test can wait for. Disposing kills it. */
export interface Child extends AsyncDisposable {
  readonly pid: number
  /** All lines of both streams so far. */
  readonly lines: readonly string[]
  /** The first line, past or future, from index `from` on that matches. Rejects with the whole output when there is none in time. */
  line(pattern: RegExp, from?: number): Promise<string>
  /** Exit status, or the signal's name. */
  exit(): Promise<number | NodeJS.Signals>
  write(text: string): void
  kill(signal: NodeJS.Signals): void
}

export interface ChildOptions {
  /** Added to this process's own; `undefined` takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Milliseconds `line` and `exit` wait. A bound for a hanging test, not an expectation. */
  readonly patience?: number
  /** Told every line as it comes, also those past the ones kept. */
  readonly onLine?: (line: string) => void
}

export function startChild(command: string, args: readonly string[], options: ChildOptions = {}): Child {
  const patience = options.patience ?? 30_000
  const child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: 'pipe' })
  const lines: string[] = []
  living.add(child)
  const ended = exitOf(child)
  let waiting: (() => void)[] = []

  function wake(): void {
    for (const check of waiting) check()
  }
  function take(line: string): void {
    if (lines.length < KEPT_LINES) lines.push(line)
    options.onLine?.(line)
    wake()
  }
  createInterface({ input: child.stdout }).on('line', take)
  createInterface({ input: child.stderr }).on('line', take)
  void ended
    .finally(() => living.delete(child))
    .finally(wake)
    .catch(() => undefined)

  async function line(pattern: RegExp, from = 0): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    function check(): void {
      const found = lines.slice(from).find((candidate) => pattern.test(candidate))
      if (found !== undefined) resolve(found)
      else if (child.exitCode !== null || child.signalCode !== null) reject(missing(`ended without ${pattern}`))
    }
    const timer = setTimeout(() => reject(missing(`no line like ${pattern}`)), patience)
    waiting.push(check)
    check()
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      waiting = waiting.filter((other) => other !== check)
    }
  }

  function missing(what: string): Error {
    return new Error(`${command} ${args.join(' ')}: ${what}\n${lines.join('\n')}`)
  }

  async function exit(): Promise<number | NodeJS.Signals> {
    const { promise, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(missing('still running')), patience)
    try {
      return await Promise.race([ended, promise])
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    pid: child.pid ?? 0,
    lines,
    line,
    exit,
    write: (text) => void child.stdin.write(text),
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended.catch(() => undefined)
    },
  }
}

async function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return code ?? signal ?? 1
}
