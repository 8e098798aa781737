/** Blocking requests through the bare relay and the hub, in turns. */
import { z } from 'zod'
import type { Database, Keeping } from '../databases.ts'
import { type BenchProcess, cpu, startProcess } from '../processes/start.ts'
import type { Part } from '../part.ts'
import { startEchoApp, startHub } from '../stage.ts'
import { median, summary } from '../statistics.ts'
import { count, ms, table } from '../table.ts'

const PROMPT = 'How much does it cost to ask this?'
const measured = summary.extend({ perSecond: z.number(), cpuMs: z.number() })

interface Target {
  readonly name: string
  readonly server: BenchProcess
  readonly app: BenchProcess | undefined
  readonly plan: Readonly<Record<string, unknown>>
}

/** One run: latencies in milliseconds, CPU as milliseconds per request. */
interface Run {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly serverCpu: number
  readonly appCpu: number
  readonly loadCpu: number
}

const MOST_REQUESTS = 200_000
/** What every server has behind it before anything counts: a hub that runs for a day is not cold either. */
const START = { clients: 32, warmUpMs: 0, mostMs: 15_000, mostRequests: 20_000 }
const QUICK_START = { ...START, mostMs: 1_500 }

/** Requests a second and latency at each number of clients. */
export function requestsPart(clientCounts: readonly number[]): Part {
  return async ({ quick, log, profile, database }) => {
    const rounds = quick ? 2 : 7
    const time = quick ? { warmUpMs: 200, mostMs: 600 } : { warmUpMs: 500, mostMs: 2_500 }
    await using stack = new AsyncDisposableStack()
    const load = stack.use(await startProcess('load'))
    const targets = await startRelay(stack)
    // Of several hubs the first is profiled.
    for (const [index, keeping] of database.keepings.entries()) {
      targets.push(await startTarget(stack, database, keeping, index === 0 ? profile : undefined))
    }
    for (const { plan } of targets) await load.call('run', { ...plan, ...(quick ? QUICK_START : START) }, measured)
    const runs = new Map<string, Run[]>()
    for (let round = 0; round < rounds; round += 1) {
      for (const clients of clientCounts) {
        for (const target of rotated(targets, round)) {
          const run = await measure(load, target, { ...time, clients, mostRequests: MOST_REQUESTS })
          const key = `${clients} ${target.name}`
          runs.set(key, [...(runs.get(key) ?? []), run])
        }
      }
      log(`round ${round + 1} of ${rounds}`)
    }
    const medians = new Map(Array.from(runs, ([key, several]) => [key, medianRun(several)]))
    return [
      `Medians of ${rounds} rounds of ${time.mostMs / 1000} s each, after ${time.warmUpMs / 1000} s of warming up, and ${START.mostRequests.toLocaleString('en-US')} requests to each server before the first; every round takes all servers in turn. ` +
        'Server, app and load generator are a process each. Ratio: requests/s of the hub by those of the bare relay.',
      ...clientCounts.map((clients) => results(clients, targets, medians)),
    ].join('\n\n')
  }
}

async function startRelay(stack: AsyncDisposableStack): Promise<Target[]> {
  const server = stack.use(await startProcess('relay'))
  const port = await server.call('port', null, z.number())
  const app = stack.use(await startEchoApp(port))
  const plan = { port, path: '/', headers: {}, body: JSON.stringify({ input: { prompt: PROMPT } }) }
  return [
    { name: 'HTTP alone', server, app: undefined, plan: { ...plan, method: 'GET', expect: 'at once' } },
    { name: 'bare relay', server, app, plan: { ...plan, method: 'POST', expect: PROMPT } },
  ]
}

async function startTarget(
  stack: AsyncDisposableStack,
  database: Database,
  { title, env }: Keeping,
  profile: string | undefined,
): Promise<Target> {
  const home = stack.use(await database.makeHome())
  const hub = stack.use(await startHub(home, { env, profile }))
  const space = await hub.client.createSpace({ name: 'echo', max_queue: 10_000 })
  const app = stack.use(await startEchoApp(hub.port, `${space.owner}/${space.name}`, hub.token))
  const plan = {
    port: hub.port,
    method: 'POST',
    path: `/api/v1/spaces/${space.owner}/${space.name}/requests`,
    headers: { authorization: hub.authorization, prefer: 'wait=30' },
    body: JSON.stringify({ input: { prompt: PROMPT } }),
    expect: `"text_output":"${PROMPT}"`,
  }
  return { name: title, server: hub.process, app, plan }
}

async function measure(load: BenchProcess, { server, app, plan }: Target, how: Readonly<Record<string, number>>): Promise<Run> {
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

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}

function medianRun(runs: readonly Run[]): Run {
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

function results(clients: number, targets: readonly Target[], medians: ReadonlyMap<string, Run>): string {
  const bare = medians.get(`${clients} bare relay`)
  const rows = targets.flatMap(({ name }) => {
    const run = medians.get(`${clients} ${name}`)
    if (run === undefined || bare === undefined) return []
    const isHub = name.startsWith('hub')
    const compared = isHub ? [(run.perSecond / bare.perSecond).toFixed(2), ms(run.p50 - bare.p50)] : ['', '']
    const cpus = [run.serverCpu, run.appCpu, run.loadCpu].map((each) => String(Math.round(each * 1000)))
    return [[name, count(run.perSecond), ms(run.p50), ms(run.p99), ...compared, ...cpus]]
  })
  const head = ['', 'requests/s', 'p50 ms', 'p99 ms', '**ratio**', 'p50 added, ms', 'CPU µs/request: server', 'app', 'load generator']
  return `### ${clients} ${clients === 1 ? 'client' : 'clients'}\n\n${table(head, rows)}`
}
