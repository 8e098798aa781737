/** `npm run bench:compare -- --with DIR`: the hub of this working tree and that of another, in turns. */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { say } from '../scripts/say.ts'
import { askHub, measure, measured, type Run, START, type Target } from './blocking.ts'
import { startDatabase } from './databases.ts'
import { startProcess } from './processes/start.ts'
import type * as stage from './stage.ts'
import { median } from './statistics.ts'
import { count, ms, table } from './table.ts'

const HELP = say(
  `npm run bench:compare -- --with DIR [options]   measures the hub of another checkout (A) beside this one's (B), in turns

  --with DIR       where the other checkout is, with its packages installed
  --clients L      how many at a time (1,32,128)
  --processes N    so many of each: processes of the same code differ (3)
  --rounds N       so many rounds of a second, each process in every one (8)`,
  `npm run bench:compare -- --with 目录 [选项]   将另一份检出的服务（A）与当前的（B）轮流测量、对照

  --with 目录      另一份检出所在的目录，需已安装依赖
  --clients 列表   并发客户端数（1,32,128）
  --processes N    每份代码启动的进程数：同样的代码，不同进程也有差异（3）
  --rounds N       轮数，每轮对每个进程测量一秒（8）`,
)
const LENGTH = { warmUpMs: 100, mostMs: 1_000, mostRequests: 200_000 }
const FIGURES = ['perSecond', 'p50', 'serverCpu'] as const

/** Two of the same age, one of each checkout. */
type Pair = readonly [a: Target, b: Target]
type Figures = readonly [a: Run, b: Run]

const asked = readArgs()
await using stack = new AsyncDisposableStack()
const load = stack.use(await startProcess('load'))
const database = stack.use(await startDatabase('sqlite'))
const pairs: Pair[] = []
for (let index = 0; index < asked.processes; index += 1) pairs.push([await start(asked.with), await start(join(import.meta.dirname, '..'))])
for (const clients of asked.clients) console.log(await compare(clients))

async function start(tree: string): Promise<Target> {
  const { startHub, startEchoApp } = (await import(join(tree, 'bench/stage.ts'))) as typeof stage
  const hub = stack.use(await startHub(stack.use(await database.makeHome())))
  const { space, plan } = await askHub(hub)
  const app = stack.use(await startEchoApp(hub.port, space, hub.token))
  await load.call('run', { ...plan, ...START }, measured)
  return { name: tree, server: hub.process, app, plan }
}

async function compare(clients: number): Promise<string> {
  const runs: Figures[] = []
  for (let round = 0; round < asked.rounds; round += 1) {
    for (const [a, b] of pairs) {
      const how = { ...LENGTH, clients }
      const first = await measure(load, round % 2 === 0 ? a : b, how)
      const second = await measure(load, round % 2 === 0 ? b : a, how)
      runs.push(round % 2 === 0 ? [first, second] : [second, first])
    }
  }
  const rows = (['A', 'B'] as const).map((name, at) => {
    const of = (figure: keyof Run): number => median(runs.map((pair) => pair[at === 0 ? 0 : 1][figure]))
    return [name, count(of('perSecond')), ms(of('p50')), String(Math.round(of('serverCpu') * 1000))]
  })
  const ratios = FIGURES.map((figure) => median(runs.map(([a, b]) => b[figure] / a[figure])).toFixed(2))
  const head = [`${clients}`, 'requests/s', 'p50 ms', 'CPU µs/request']
  return `${table(head, [...rows, ['B / A', ...ratios]])}\n`
}

function readArgs() {
  const { values } = parseArgs({
    options: {
      with: { type: 'string' },
      clients: { type: 'string', default: '1,32,128' },
      processes: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '8' },
      help: { type: 'boolean', default: false },
    },
  })
  const clients = values.clients.split(',').map(Number)
  const [processes, rounds] = [Number(values.processes), Number(values.rounds)]
  const areCounts = [...clients, processes, rounds].every((each) => Number.isSafeInteger(each) && each > 0)
  if (values.help || values.with === undefined || !areCounts) {
    console.log(HELP)
    process.exit(values.help ? 0 : 1)
  }
  return { with: resolve(values.with), clients, processes, rounds }
}
