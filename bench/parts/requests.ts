/** Blocking requests through the bare relay and the hub, in turns. */
import { z } from 'zod'
import { askHub, measure, measured, medianRun, PROMPT, type Run, START, type Target } from '../blocking.ts'
import type { Database, Keeping } from '../databases.ts'
import { startProcess } from '../processes/start.ts'
import type { Part } from '../part.ts'
import { startEchoApp, startHub } from '../stage.ts'
import { count, ms, table } from '../table.ts'

const MOST_REQUESTS = 200_000
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
  const { space, plan } = await askHub(hub)
  const app = stack.use(await startEchoApp(hub.port, space, hub.token))
  return { name: title, server: hub.process, app, plan }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
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
