/** Starts the processes that are measured or that measure, each on its own. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const answer = z.union([
  z.object({ ready: z.literal(true) }),
  z.object({ id: z.number(), error: z.string() }),
  z.object({ id: z.number(), value: z.unknown() }),
])

export const usage = z.object({ cpuMs: z.number(), rssKb: z.number() })
export const cpu = usage.pick({ cpuMs: true })

export interface BenchProcess extends AsyncDisposable {
  /** Rejects with the child's own error, or when it ends before it answered. */
  call<T extends z.ZodType>(name: string, params: unknown, schema: T): Promise<z.output<T>>
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Where its log goes; nowhere by default. */
  readonly logFile?: string
  /** Folder for a CPU profile, written when it stops. */
  readonly profile?: string | undefined
}

type File = 'relay' | 'hub' | 'echo-app' | 'load' | 'followers' | 'idle-apps' | 'backlog-app'

/** Starts `processes/<file>.ts`; resolves once it takes calls. */
export async function startProcess(file: File, options: StartOptions = {}): Promise<BenchProcess> {
  const log = options.logFile === undefined ? 'ignore' : openSync(options.logFile, 'a')
  const profile =
    options.profile === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`, `--cpu-prof-name=${file}-${Date.now()}.cpuprofile`]
  const child = fork(join(import.meta.dirname, `${file}.ts`), {
    execArgv: ['--expose-gc', ...profile],
    env: { ...process.env, ...options.env },
    stdio: ['ignore', log, options.logFile === undefined ? 'inherit' : log, 'ipc'],
  })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  const ready = Promise.withResolvers<void>()
  const exited = once(child, 'exit')
  let ended = false
  let calls = 0

  child.on('message', (raw) => {
    const message = answer.parse(raw)
    if ('ready' in message) return ready.resolve()
    const asked = waiting.get(message.id)
    waiting.delete(message.id)
    if ('error' in message) asked?.reject(new Error(`${file}: ${message.error}`))
    else asked?.resolve(message.value)
  })
  child.once('exit', (code) => {
    ended = true
    const error = new Error(`${file} ended with ${code}`)
    ready.reject(error)
    for (const asked of waiting.values()) asked.reject(error)
  })

  async function call<T extends z.ZodType>(name: string, params: unknown, schema: T): Promise<z.output<T>> {
    if (ended) throw new Error(`${file} has ended`)
    const id = (calls += 1)
    const asked = Promise.withResolvers<unknown>()
    waiting.set(id, asked)
    child.send({ id, name, params })
    return schema.parse(await asked.promise)
  }

  await ready.promise
  return {
    call,
    async [Symbol.asyncDispose]() {
      if (ended) return
      const giveUp = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await call('stop', null, z.unknown()).catch(() => undefined)
      await exited
      clearTimeout(giveUp)
    },
  }
}
