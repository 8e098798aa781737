import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 60_000
/** A program that ran this long was fine: the next wait starts small again. */
const STABLE_AFTER_MS = 30_000
const STOP_WITHIN_MS = 8_000

export interface KeptProgram {
  readonly name: string
  readonly args: readonly string[]
  /** Secrets go here and not into `args`, which everybody on the machine can read. */
  readonly env: Readonly<Record<string, string>>
  readonly onExit: (code: number | null, waitMs: number) => void
}

/** Runs a Node program and starts it again whenever it ends, waiting longer each time, until aborted. */
export async function keepRunning(program: KeptProgram, signal: AbortSignal): Promise<void> {
  let wait = FIRST_WAIT_MS
  while (!signal.aborted) {
    const started = Date.now()
    const code = await runOnce(program, signal)
    if (signal.aborted) return
    if (Date.now() - started > STABLE_AFTER_MS) wait = FIRST_WAIT_MS
    program.onExit(code, wait)
    await sleep(wait, undefined, { signal }).catch(() => undefined)
    wait = Math.min(wait * 2, LONGEST_WAIT_MS)
  }
}

async function runOnce({ name, args, env }: KeptProgram, signal: AbortSignal): Promise<number | null> {
  // The IPC channel tells the program when this process is gone, even by SIGKILL.
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  prefix(child, name)
  function stop(): void {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
    child.once('exit', () => clearTimeout(timer))
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    const [code] = (await once(child, 'exit')) as [number | null]
    return code
  } catch {
    return null
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function prefix(child: ChildProcess, name: string): void {
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      process.stdout.write(text.replace(/^(?=.)/gm, `[${name}] `))
    })
  }
}
