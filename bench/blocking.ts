/** Blocking requests through one server, by one load generator. */
import { z } from 'zod'
import { type BenchProcess, cpu } from './processes/start.ts'
import type { RunningHub } from './stage.ts'
import { median, summary } from './statistics.ts'

export const PROMPT = 'How much does it cost to ask this?'
/** What a run of the load generator answers. */
export const measured = summary.extend({ perSecond: z.number(), cpuMs: z.number() })
/** What every server has behind it before anything counts: a hub that runs for a day is not cold either. */
export const START = { clients: 32, warmUpMs: 0, mostMs: 15_000, mostRequests: 20_000 }

export interface Target {
  readonly name: string
  readonly server: BenchProcess
  readonly app: BenchProcess | undefined
  readonly plan: Readonly<Record<string, unknown>>
}

/** One run: latencies in milliseconds, CPU as milliseconds per request. */
export interface Run {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly serverCpu: number
  readonly appCpu: number
  readonly loadCpu: number
}

/** A new space for an echo app at a hub, and what asks it. */
export async function askHub({ client, port, authorization }: RunningHub): Promise<{ space: string; plan: Target['plan'] }> {
  const { owner, name } = await client.createSpace({ name: 'echo', max_queue: 10_000 })
  const plan = {
    port,
    method: 'POST',
    path: `/api/v1/spaces/${owner}/${name}/requests`,
    headers: { authorization, prefer: 'wait=30' },
    body: JSON.stringify({ input: { prompt: PROMPT } }),
    expect: `"text_output":"${PROMPT}"`,
  }
  return { space: `${owner}/${name}`, plan }
}

export async function measure(load: BenchProcess, { server, app, plan }: Target, how: Readonly<Record<string, number>>): Promise<Run> {
  const before = await cpuOf(server, app)
  const { perSecond, p50, p99, count, cpuMs } = await load.call('run', { ...plan, ...how }, measured)
  const after = await cpuOf(server, app)
  // Warming up is not counted as requests but takes CPU; its share of the time is taken off.
  const share = (how['mostMs'] ?? 0) / ((how['mostMs'] ?? 0) + (how['warmUpMs'] ?? 0)) / count
  return {
    perSecond,
    p50,
    p99,
    serverCpu: (after.server - before.server) * share,
    appCpu: (after.app - before.app) * share,
    loadCpu: cpuMs * share,
  }
}

async function cpuOf(server: BenchProcess, app: BenchProcess | undefined): Promise<{ server: number; app: number }> {
  return { server: (await server.call('cpu', null, cpu)).cpuMs, app: (await app?.call('cpu', null, cpu))?.cpuMs ?? 0 }
}

export function medianRun(runs: readonly Run[]): Run {
  const of = (figure: keyof Run): number => median(runs.map((run) => run[figure]))
  return {
    perSecond: of('perSecond'),
    p50: of('p50'),
    p99: of('p99'),
    serverCpu: of('serverCpu'),
    appCpu: of('appCpu'),
    loadCpu: of('loadCpu'),
  }
}
