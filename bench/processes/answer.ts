/** The child's half of the calls between the bench and the processes it measures. */
import { z } from 'zod'

const call = z.object({ id: z.number(), name: z.string(), params: z.unknown() })

type Calls = Readonly<Record<string, (params: unknown) => unknown>>

const COMMON: Calls = {
  /** Milliseconds of CPU used so far, and kB of memory after a collection. */
  usage() {
    globalThis.gc?.()
    const { user, system } = process.cpuUsage()
    return { cpuMs: (user + system) / 1000, rssKb: process.memoryUsage.rss() / 1024 }
  },
  cpu() {
    const { user, system } = process.cpuUsage()
    return { cpuMs: (user + system) / 1000 }
  },
}

/** Answers calls until told to stop; `stop` may close what is open. */
export function answerCalls(calls: Calls, stop: () => Promise<void> | void = () => undefined): void {
  const known: Calls = { ...COMMON, ...calls }
  process.on('message', (raw) => {
    const { id, name, params } = call.parse(raw)
    void answer(id, name === 'stop' ? endAfter(stop) : run(known, name, params))
  })
  // Nobody is left to measure for.
  process.on('disconnect', () => process.exit())
  process.send?.({ ready: true })
}

async function run(calls: Calls, name: string, params: unknown): Promise<unknown> {
  const known = calls[name]
  if (known === undefined) throw new Error(`no call named ${name}`)
  return known(params)
}

async function endAfter(stop: () => Promise<void> | void): Promise<void> {
  await stop()
  setImmediate(() => process.disconnect())
}

async function answer(id: number, result: Promise<unknown>): Promise<void> {
  try {
    const value = await result
    // JSON has no undefined.
    process.send?.({ id, value: value ?? null })
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}
