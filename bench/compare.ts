/** `npm run bench:compare -- --with DIR`: the hub of this working tree and that of another, in turns. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { say } from '../scripts/say.ts'
import { askHub, measure, measured, medianRun, type Run, START, type Target } from './blocking.ts'
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
  --rounds N       so many rounds of a second, each process in every one (8)
  --help`,
  `npm run bench:compare -- --with 目录 [选项]   将另一份检出的服务（A）与当前的（B）轮流测量、对照

  --with 目录      另一份检出所在的目录，需已安装依赖
  --clients 列表   并发客户端数（1,32,128）
  --processes N    每份代码启动的进程数：同样的代码，不同进程也有差异（3）
  --rounds N       轮数，每轮对每个进程测量一秒（8）
  --help`,
)
const LENGTH = { warmUpMs: 100, mostMs: 1_000, mostRequests: 200_000 }
const FIGURES = ['perSecond', 'p50', 'serverCpu'] as const

/** Two of the same age, one of each checkout. */
interface Pair {
  readonly a: Target
  readonly b: Target
}

const asked = readArgs()
await using stack = new AsyncDisposableStack()
const load = stack.use(await startProcess('load'))
const database = stack.use(await startDatabase('sqlite'))
const pairs: Pair[] = []
for (let index = 0; index < asked.processes; index += 1) {
  pairs.push({ a: await start(asked.with), b: await start(join(import.meta.dirname, '..')) })
}
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
  const runs: { readonly a: Run; readonly b: Run }[] = []
  for (let round = 0; round < asked.rounds; round += 1)
    for (const pair of pairs) runs.push(await measurePair(pair, clients, round % 2 === 0))
  const rows = (['a', 'b'] as const).map((name) => {
    const { perSecond, p50, serverCpu } = medianRun(runs.map((both) => both[name]))
    return [name.toUpperCase(), count(perSecond), ms(p50), String(Math.round(serverCpu * 1000))]
  })
  const ratios = FIGURES.map((figure) => median(runs.map(({ a, b }) => b[figure] / a[figure])).toFixed(2))
  return `${table([`${clients}`, 'requests/s', 'p50 ms', 'CPU µs/request'], [...rows, ['B / A', ...ratios]])}\n`
}

/** Each is the first every other time: what is measured second finds the machine as the first left it. */
async function measurePair({ a, b }: Pair, clients: number, aFirst: boolean): Promise<{ a: Run; b: Run }> {
  const how = { ...LENGTH, clients }
  const first = await measure(load, aFirst ? a : b, how)
  const second = await measure(load, aFirst ? b : a, how)
  return aFirst ? { a: first, b: second } : { a: second, b: first }
}

function readArgs() {
  const { help, with: tree, ...counts } = parse()
  if (help) {
    console.log(HELP)
    process.exit(0)
  }
  if (tree === undefined) return refuse(say('--with DIR is missing', '缺少 --with 目录'))
  if (!existsSync(join(tree, 'bench/stage.ts'))) return refuse(say(`there is no checkout in ${tree}`, `${tree} 中没有检出的代码`))
  const clients = counts.clients.split(',').map(Number)
  const [processes, rounds] = [Number(counts.processes), Number(counts.rounds)]
  if (![...clients, processes, rounds].every((each) => Number.isSafeInteger(each) && each > 0)) {
    return refuse(say('--clients, --processes and --rounds take whole numbers from 1', '--clients、--processes 与 --rounds 需为正整数'))
  }
  return { with: resolve(tree), clients, processes, rounds }
}

function parse() {
  try {
    return parseArgs({
      options: {
        with: { type: 'string' },
        clients: { type: 'string', default: '1,32,128' },
        processes: { type: 'string', default: '3' },
        rounds: { type: 'string', default: '8' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return refuse(error.message)
  }
}

function refuse(problem: string): never {
  console.error(`${problem}\n\n${HELP}`)
  process.exit(1)
}
