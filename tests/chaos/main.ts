/** `npm run chaos`: the long form of tests/chaos. Ends with 1 when a promise was broken. */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { onStopSignal } from '../../packages/cli/src/stop-signal.ts'
import { say } from '../../scripts/say.ts'
import { commandOf, reportText } from './report.ts'
import { runChaos } from './run.ts'
import type { Plan } from './schedule.ts'

const HELP = say(
  `npm run chaos -- [options]   kills, cuts and freezes a hub at work, and accounts for every request

  --seed N         the schedule of faults; a run with the same options has the same one (random)
  --seconds S      how long faults and load go on (120)
  --database D     sqlite or postgres (sqlite)
  --nodes N        hub processes; several need postgres (1; with postgres 3)
  --apps N         apps of the busy space, beside the two that others have (2)
  --users N        people who submit (4)
  --help`,
  `npm run chaos -- [选项]   在服务运行时不断杀进程、断连接、冻结网络，最后逐一核对每个请求

  --seed N         故障安排的种子；选项相同则故障相同（默认随机）
  --seconds S      故障与负载持续的秒数（120）
  --database D     sqlite 或 postgres（sqlite）
  --nodes N        服务进程数；多于一个时须用 postgres（1；用 postgres 时为 3）
  --apps N         繁忙空间的应用数，另有两个空间各一个应用（2）
  --users N        提交请求的用户数（4）
  --help`,
)

const whole = z.coerce.number().int().min(1)
const options = z.object({
  seed: whole.default(() => 1 + Math.floor(Math.random() * 1_000_000)),
  seconds: whole.default(120),
  database: z.enum(['sqlite', 'postgres']).default('sqlite'),
  nodes: whole.max(16).optional(),
  apps: whole.max(64).default(2),
  users: whole.max(64).default(4),
})

function readPlan(): Plan | 'help' {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: { seed: text, seconds: text, database: text, nodes: text, apps: text, users: text, help: { type: 'boolean' } },
  })
  if (values.help === true) return 'help'
  const { nodes, ...plan } = options.parse(values)
  if (plan.database === 'sqlite' && nodes !== undefined && nodes > 1)
    throw new Error(say('--nodes above 1 needs --database postgres', '--nodes 大于 1 时须使用 --database postgres'))
  return { ...plan, nodes: nodes ?? (plan.database === 'sqlite' ? 1 : 3) }
}

async function main(): Promise<void> {
  const plan = readPlan()
  if (plan === 'help') return console.log(HELP)
  const stopping = new AbortController()
  onStopSignal((signal) => stopping.abort(signal))
  console.log(commandOf(plan))
  const report = await runChaos(plan, stopping.signal, (line) => console.log(line))
  console.log(`\n${reportText(report)}`)
  if (report.violations.length > 0) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  console.error(
    error instanceof z.ZodError ? `${z.prettifyError(error)}\n\n${HELP}` : error instanceof Error ? (error.stack ?? error.message) : error,
  )
  process.exitCode = 1
}
