/** What `npm run bench` was asked for. */
import { parseArgs } from 'node:util'
import { say } from '../scripts/say.ts'
import { type DatabaseName, DATABASES } from './databases.ts'

export interface Asked {
  /** Names of parts; all when none was named. */
  readonly only: readonly string[] | undefined
  readonly databases: readonly DatabaseName[]
  /** How many apps are to be idle; as many as usual when not said. */
  readonly apps: number | undefined
  readonly quick: boolean
  readonly profile: boolean
}

/** The command line makes no sense; the message says why. */
export class UsageProblem extends Error {
  override readonly name = 'UsageProblem'
}

export function helpText(parts: readonly string[]): string {
  return say(
    `npm run bench -- [options]   measures the hub, beside a bare relay in the same run

  --only P,Q       some of the parts: ${parts.join(', ')} (all)
  --database D     ${DATABASES.join(', ')} or both (sqlite)
  --apps N         so many idle apps (10000); bench/RESULTS.md stays as it is
  --quick          short runs; bench/RESULTS.md stays as it is
  --profile        writes a CPU profile of the hub to bench/profiles; bench/RESULTS.md stays as it is
  --help`,
    `npm run bench -- [选项]   测量服务的性能，并在同一次运行中与裸转发对照

  --only P,Q       只运行其中几项：${parts.join('、')}（默认全部）
  --database D     ${DATABASES.join('、')} 或 both（sqlite）
  --apps N         空闲应用的数量（10000）；不更新 bench/RESULTS.md
  --quick          缩短测量时间；不更新 bench/RESULTS.md
  --profile        将服务的 CPU 剖析写入 bench/profiles；不更新 bench/RESULTS.md
  --help`,
  )
}

/**
 * @param parts the names of all parts
 * @throws UsageProblem
 */
export function readOptions(args: readonly string[], parts: readonly string[]): Asked | 'help' {
  const { only, database, apps, quick, profile, help } = parse(args)
  if (help) return 'help'
  const databases = DATABASES.filter((name) => database === name || database === 'both')
  if (databases.length === 0) throw unknown(say('database', '数据库'), database, [...DATABASES, 'both'])
  return {
    only: only === undefined ? undefined : readParts(only, parts),
    databases,
    apps: apps === undefined ? undefined : readCount(apps),
    quick,
    profile,
  }
}

function parse(args: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        database: { type: 'string', default: 'sqlite' },
        apps: { type: 'string' },
        quick: flag,
        profile: flag,
        help: flag,
      },
    }).values
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new UsageProblem(say(error.message, `无法理解命令行参数：${error.message}`))
  }
}

function readParts(only: string, parts: readonly string[]): string[] {
  const names = only.split(',').map((name) => name.trim())
  for (const name of names) if (!parts.includes(name)) throw unknown(say('part', '项目'), name, parts)
  return names
}

function readCount(apps: string): number {
  const count = Number(apps)
  if (Number.isSafeInteger(count) && count > 0) return count
  throw new UsageProblem(say(`--apps takes a number, not "${apps}"`, `--apps 需要一个数字，而不是“${apps}”`))
}

function unknown(kind: string, name: string, known: readonly string[]): UsageProblem {
  return new UsageProblem(
    say(`There is no ${kind} named "${name}". There are: ${known.join(', ')}`, `没有名为“${name}”的${kind}。可选：${known.join('、')}`),
  )
}
