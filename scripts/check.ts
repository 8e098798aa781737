/** `npm run check`: types, lint, format, arrows between folders, unused code. One line each; details only on failure. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { endChildrenOnSignals, type Finished, ROOT, run } from './run-command.ts'
import { say } from './say.ts'

interface Check {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  readonly cwd?: string
}

const WEB = join(ROOT, 'packages', 'web')

/** A folder without a file yet is not in a clone. */
const CRUISED = ['packages', 'examples', 'scripts', 'tests', 'bench'].filter((folder) => existsSync(join(ROOT, folder)))

const CHECKS: readonly Check[] = [
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json'] },
  {
    name: 'types-web',
    command: ['svelte-check', '--tsconfig', './tsconfig.json', '--tsgo-experimental-api', '--output', 'human'],
    cwd: WEB,
  },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings', '--report-unused-disable-directives'] },
  { name: 'lint-svelte', command: ['eslint', '--no-warn-ignored', 'packages/web/src'] },
  { name: 'format', command: ['oxfmt', '--check'] },
  { name: 'arrows', command: ['depcruise', '--config', '.dependency-cruiser.js', ...CRUISED] },
  { name: 'unused', command: ['knip'] },
]

/** Runs the checks whose names are given, or all; returns which passed and failed. */
export async function runChecks(only: readonly string[] = []): Promise<{ passed: string[]; failed: string[] }> {
  const chosen = CHECKS.filter((check) => only.length === 0 || only.includes(check.name))
  const passed: string[] = []
  const failed: string[] = []
  await syncSvelteKit()
  const waiting = [...chosen]
  // Two at a time: the machine this must be quick on has two cores.
  await Promise.all([work(), work()])
  return { passed, failed }

  async function work(): Promise<void> {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const [command, ...args] = check.command
      const finished = await run(command, args, { cwd: check.cwd ?? ROOT })
      ;(finished.code === 0 ? passed : failed).push(check.name)
      report(check, finished)
    }
  }
}

/** The web package's tsconfig extends one that SvelteKit generates. */
async function syncSvelteKit(): Promise<void> {
  if (!existsSync(join(WEB, '.svelte-kit', 'tsconfig.json'))) await run('svelte-kit', ['sync'], { cwd: WEB })
}

function report(check: Check, { code, output, seconds }: Finished): void {
  console.log(`${code === 0 ? '✓' : '✗'} ${check.name.padEnd(12)} ${seconds.toFixed(1)} s`)
  if (code !== 0) console.log(`  $ ${check.command.join(' ')}\n${output.trimEnd()}\n`)
}

if (import.meta.main) {
  endChildrenOnSignals()
  const only = process.argv.slice(2)
  const unknown = only.filter((name) => !CHECKS.some((check) => check.name === name))
  if (unknown.length > 0) {
    const names = CHECKS.map((check) => check.name).join(', ')
    console.error(say(`No check named ${unknown.join(', ')}. There are: ${names}`, `没有名为 ${unknown.join('、')} 的检查。可用：${names}`))
    process.exit(1)
  }
  const { failed } = await runChecks(only)
  if (failed.length > 0) process.exitCode = 1
}
