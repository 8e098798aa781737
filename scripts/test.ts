/**
 * `npm test`: Debian packages, web page, checks, vitest, Playwright; ends with `N passed, N failed`.
 * `npm test -- --only vitest|e2e|check [filter …]` runs one part of it.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureWebBuilt } from './build-web.ts'
import { runChecks } from './check.ts'
import { ensureTestPackages } from './install-test-packages.ts'
import { endChildrenOnSignals, ROOT, run } from './run-command.ts'
import { say } from './say.ts'
import { type Tally, tallyPlaywright, tallyVitest } from './tally.ts'

const REPORTS = join(ROOT, 'test-results', 'reports')

interface Step {
  readonly name: string
  readonly title: string
  readonly run: (filter: readonly string[]) => Promise<Tally>
}

const STEPS: readonly Step[] = [
  { name: 'setup', title: say('Set-up', '准备'), run: setUp },
  { name: 'check', title: say('Checks', '检查'), run: check },
  { name: 'vitest', title: 'Vitest', run: vitest },
  { name: 'e2e', title: 'Playwright', run: playwright },
]

async function setUp(): Promise<Tally> {
  try {
    await ensureTestPackages()
    await ensureWebBuilt()
    return { passed: 0, failed: 0 }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return { passed: 0, failed: 1 }
  }
}

async function check(names: readonly string[]): Promise<Tally> {
  const { passed, failed } = await runChecks(names)
  return { passed: passed.length, failed: failed.length }
}

async function vitest(filter: readonly string[]): Promise<Tally> {
  const report = join(REPORTS, 'vitest.json')
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filter]
  const { code } = await run('vitest', args, { show: true })
  return tallyVitest(report, code)
}

async function playwright(filter: readonly string[]): Promise<Tally> {
  const report = join(REPORTS, 'playwright.json')
  const args = ['test', '--reporter=list,json', ...filter]
  const { code } = await run('playwright', args, { show: true, env: { PLAYWRIGHT_JSON_OUTPUT_NAME: report } })
  return tallyPlaywright(report, code)
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true })
  const chosen = STEPS.filter(
    (step) => values.only === undefined || step.name === values.only || (step.name === 'setup' && values.only !== 'check'),
  )
  if (values.only !== undefined && !STEPS.some((step) => step.name === values.only)) {
    throw new Error(say('--only takes check, vitest or e2e', '--only 只接受 check、vitest 或 e2e'))
  }
  await rm(REPORTS, { recursive: true, force: true })
  await mkdir(REPORTS, { recursive: true })
  const lines: string[] = []
  const total: Tally = { passed: 0, failed: 0 }
  for (const step of chosen) {
    console.log(`\n── ${step.title} ──`)
    const started = Date.now()
    const tally = await step.run(step.name === 'setup' ? [] : positionals)
    total.passed += tally.passed
    total.failed += tally.failed
    lines.push(`${tally.failed === 0 ? '✓' : '✗'} ${step.title}: ${describe(tally)} (${((Date.now() - started) / 1000).toFixed(0)} s)`)
  }
  console.log(`\n${lines.join('\n')}\n\n${describe(total)}`)
  process.exitCode = total.failed === 0 ? 0 : 1
}

function describe({ passed, failed }: Tally): string {
  return `${passed} passed, ${failed} failed`
}

endChildrenOnSignals()
try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
