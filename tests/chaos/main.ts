/** `npm run chaos`: the long form of tests/chaos. Ends with 1 when a promise was broken, with 130 when it was stopped before. */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { onStopSignal } from '../../packages/cli/src/stop-signal.ts'
import { ROOT } from '../../scripts/run-command.ts'
import { say } from '../../scripts/say.ts'
import { Evidence } from './evidence.ts'
import { commandOf, reportText } from './report.ts'
import { runChaos } from './run.ts'
import type { Plan } from './schedule.ts'

const HELP = say(
  `npm run chaos -- [options]   kills, cuts and freezes a hub at work, and accounts for every request

  --seed N         the schedule of faults; a run with the same options has the same one (random)
  --seconds S      how long faults and load go on (120)
  --database D     sqlite or postgres (sqlite); postgres also starts a Redis
  --nodes N        hub processes; several need postgres (1; with postgres 3)
  --apps N         apps of the busy space, beside the two that others have (2)
  --users N        people who submit (4)
  --keep FOLDER    where logs, diary, requests and report go (test-results/chaos/…)
  --verbose        also shows each fault as it begins and ends
  --help

Shows every 10 s how far it is, and in the end the figures. A violation: exit status 1, and the command that repeats
its faults. Ctrl+C ends all programs and accounts for what there is so far (130); a second one ends at once.
PostgreSQL 15 and Redis from Debian must be installed for --database postgres.`,
  `npm run chaos -- [选项]   在 hub 运行时不断杀进程、断连接、冻结网络，最后逐一核对每个请求

  --seed N         故障安排的种子；选项相同则故障相同（默认随机）
  --seconds S      故障与负载持续的秒数（120）
  --database D     sqlite 或 postgres（sqlite）；postgres 时另启动一个 Redis
  --nodes N        hub 进程数；多于一个时须用 postgres（1；用 postgres 时为 3）
  --apps N         繁忙空间的应用数，另有两个空间各一个应用（2）
  --users N        提交请求的用户数（4）
  --keep 目录      日志、故障记录、请求与报告的存放处（test-results/chaos/…）
  --verbose        同时显示每个故障的开始与结束
  --help

每 10 秒显示一次进度，结束时列出各项数字（进度和报告为英文）。若有承诺被破坏，退出码为 1，并给出重现同样故障的命令。
Ctrl+C 会结束所有程序，并核对到此为止的请求（退出码 130）；再按一次立即退出。
使用 --database postgres 须装有 Debian 的 PostgreSQL 15 与 Redis。`,
)

const whole = z.coerce.number().int().min(1)
const options = z.object({
  seed: whole.default(() => 1 + Math.floor(Math.random() * 1_000_000)),
  seconds: whole.default(120),
  database: z.enum(['sqlite', 'postgres']).default('sqlite'),
  nodes: whole.max(16).optional(),
  apps: whole.max(64).default(2),
  users: whole.max(64).default(4),
  keep: z.string().min(1).optional(),
  verbose: z.boolean().default(false),
})

interface Wanted {
  readonly plan: Plan
  readonly folder: string
  readonly verbose: boolean
}

function readOptions(): Wanted | 'help' {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const { values } = parseArgs({
    options: { seed: text, seconds: text, database: text, nodes: text, apps: text, users: text, keep: text, verbose: flag, help: flag },
  })
  if (values.help === true) return 'help'
  const { nodes, keep, verbose, ...plan } = options.parse(values)
  if (plan.database === 'sqlite' && nodes !== undefined && nodes > 1)
    throw new Error(say('--nodes above 1 needs --database postgres', '--nodes 大于 1 时须使用 --database postgres'))
  const name = `${new Date().toISOString().slice(0, 19).replaceAll(':', '')}-${plan.database}-seed-${plan.seed}`
  return {
    plan: { ...plan, nodes: nodes ?? (plan.database === 'sqlite' ? 1 : 3) },
    folder: keep ?? join(ROOT, 'test-results', 'chaos', name),
    verbose,
  }
}

async function main(): Promise<void> {
  const wanted = readOptions()
  if (wanted === 'help') return console.log(HELP)
  const { plan, folder, verbose } = wanted
  const stopping = new AbortController()
  onStopSignal((signal) => {
    console.log(say('\nStopping; what there is so far is accounted for.', '\n正在停止，并核对到此为止的请求。'))
    process.exitCode = signal === 'SIGINT' ? 130 : 143
    stopping.abort(new Error(say('stopped before anything could be accounted for', '已停止，尚无可核对的内容')))
  })
  await using evidence = new Evidence(folder)
  console.log(`${commandOf(plan)}\n${say('Logs and diary', '日志与故障记录')}: ${folder}`)
  const began = performance.now()
  const show = (line: string): void => console.log(`${((performance.now() - began) / 1_000).toFixed(0).padStart(5)} s  ${line}`)
  const report = await runChaos(plan, stopping.signal, { evidence, onProgress: show, ...(verbose ? { onFault: show } : {}) })
  const text = reportText(report)
  await evidence.file('report.txt', `${text}\n`)
  console.log(`\n${text}\n${say('Logs, diary, requests', '日志、故障记录、请求')}: ${folder}`)
  if (report.violations.length > 0) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  console.error(
    error instanceof z.ZodError ? `${z.prettifyError(error)}\n\n${HELP}` : error instanceof Error ? (error.stack ?? error.message) : error,
  )
  process.exitCode ??= 1
}
// All is disposed of by now. Of thousands of connections that were cut, Node has been seen to wait for one for ever.
process.exit()
