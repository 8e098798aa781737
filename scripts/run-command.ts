import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter, join } from 'node:path'
import { performance } from 'node:perf_hooks'

export const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules', '.bin')

export interface Finished {
  /** Exit status; 1 when the command could not be started or a signal ended it. */
  readonly code: number
  /** Both streams as they came; empty when they were shown at once. */
  readonly output: string
  readonly seconds: number
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Show the output while it runs instead of keeping it. */
  readonly show?: boolean
}

const running = new Set<ChildProcess>()

/** Runs a command with this project's binaries first on the PATH. Never rejects: a failure is a code. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const started = performance.now()
  const child = spawn(command, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, PATH: `${BIN}${delimiter}${process.env['PATH'] ?? ''}`, ...options.env },
    stdio: ['ignore', options.show === true ? 'inherit' : 'pipe', options.show === true ? 'inherit' : 'pipe'],
  })
  running.add(child)
  const output: string[] = []
  child.stdout?.setEncoding('utf8').on('data', (text: string) => output.push(text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => output.push(text))
  const code = await exitCode(child, output)
  running.delete(child)
  return { code, output: output.join(''), seconds: (performance.now() - started) / 1000 }
}

async function exitCode(child: ChildProcess, output: string[]): Promise<number> {
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    return code ?? 1
  } catch (error) {
    output.push(String(error))
    return 1
  }
}

/** Ctrl+C and SIGTERM also end what this process runs. Call once, in a script's entry. */
export function endChildrenOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      for (const child of running) child.kill(signal)
      process.exitCode = signal === 'SIGINT' ? 130 : 143
      setTimeout(() => process.exit(), 5_000).unref()
    })
  }
}
