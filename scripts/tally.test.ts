import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tallyPlaywright, tallyVitest } from './tally.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wss-tally-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function report(content: unknown): Promise<string> {
  const path = join(folder, 'report.json')
  await writeFile(path, JSON.stringify(content))
  return path
}

const vitest = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] }
const playwright = { stats: { expected: 3, unexpected: 0, flaky: 0, skipped: 0 }, errors: [] }

test('what passed is counted as passed', async () => {
  expect(await tallyVitest(await report(vitest), 0)).toEqual({ passed: 5, failed: 0 })
  expect(await tallyPlaywright(await report(playwright), 0)).toEqual({ passed: 3, failed: 0 })
})

test('skipped, flaky and unloadable tests count as failed', async () => {
  const broken = { ...vitest, numPendingTests: 1, numTodoTests: 1, testResults: [{ status: 'failed', assertionResults: [] }] }
  expect(await tallyVitest(await report(broken), 1)).toEqual({ passed: 5, failed: 3 })
  const shaky = { stats: { expected: 3, unexpected: 1, flaky: 1, skipped: 1 }, errors: [{}] }
  expect(await tallyPlaywright(await report(shaky), 1)).toEqual({ passed: 3, failed: 4 })
})

test('a runner that failed, or wrote no report, never looks green', async () => {
  expect(await tallyVitest(await report(vitest), 1)).toEqual({ passed: 5, failed: 1 })
  expect(await tallyVitest(join(folder, 'missing.json'), 0)).toEqual({ passed: 0, failed: 1 })
  expect(await tallyPlaywright(await report('nonsense'), 0)).toEqual({ passed: 0, failed: 1 })
})
