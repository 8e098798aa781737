/** The short form of `npm run chaos`: P1 to P4, L1, L4, L5, A9, A11, V2 and H5 while everything breaks. */
import { expect, test } from 'vitest'
import { runChaos } from './run.ts'
import { reportText } from './report.ts'
import type { Plan } from './schedule.ts'

const PLANS: readonly Plan[] = [
  { seed: 2, seconds: 10, database: 'sqlite', nodes: 1, apps: 2, users: 3 },
  { seed: 1, seconds: 13, database: 'postgres', nodes: 3, apps: 2, users: 3 },
]

test.each(PLANS)(
  '$database, $nodes hub processes, seed $seed: every accepted request has one outcome, the right one',
  { timeout: 300_000 },
  async (plan) => {
    const report = await runChaos(plan, AbortSignal.timeout(280_000))
    const text = reportText(report)
    console.log(text)
    expect(report.violations.length, text).toBe(0)
    expect(report.accepted).toBeGreaterThan(0)
    expect(report.isPartial).toBe(false)
  },
)
