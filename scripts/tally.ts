/** Counts what vitest and Playwright report as JSON. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'

export interface Tally {
  passed: number
  failed: number
}

const vitestReport = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()) })),
})

const playwrightReport = z.object({
  stats: z.object({ expected: z.number(), unexpected: z.number(), flaky: z.number(), skipped: z.number() }),
  errors: z.array(z.unknown()),
})

/** A test that did not run counts as failed, and so does a file that could not be loaded. */
export async function tallyVitest(path: string, exitCode: number): Promise<Tally> {
  const report = vitestReport.safeParse(await readJson(path)).data
  if (report === undefined) return { passed: 0, failed: 1 }
  const brokenFiles = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
  const failed = report.numFailedTests + report.numPendingTests + report.numTodoTests + brokenFiles
  return withExitCode({ passed: report.numPassedTests, failed }, exitCode)
}

/** A flaky or skipped test counts as failed. */
export async function tallyPlaywright(path: string, exitCode: number): Promise<Tally> {
  const report = playwrightReport.safeParse(await readJson(path)).data
  if (report === undefined) return { passed: 0, failed: 1 }
  const { expected, unexpected, flaky, skipped } = report.stats
  return withExitCode({ passed: expected, failed: unexpected + flaky + skipped + report.errors.length }, exitCode)
}

/** A runner that failed without a failed test (an unhandled error, a crash) must not look green. */
function withExitCode(tally: Tally, exitCode: number): Tally {
  return exitCode !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}
