import fc from 'fast-check'
import { test } from 'vitest'
import { addSpace, NOON, uniqueName } from '../support/material.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { openPostgresStore } from '../support/postgres-store.ts'
import { type LastingStore, openSqliteStore } from '../support/sqlite-store.ts'
import {
  claims,
  crashes,
  expectSound,
  happens,
  type Model,
  type Real,
  reports,
  restarts,
  submits,
  submitsToSlot,
} from './lifecycle-model.ts'

const FACTS = ['started', 'reported', 'lost', 'left', 'resumed', 'expired', 'timed_out', 'cancel_asked', 'canceled', 'stranded'] as const
const pick = fc.nat({ max: 20 })
const commands = fc.commands(
  [
    fc.constantFrom(submits(), submitsToSlot()),
    fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 })).map(([start, hold]) => claims(start, hold)),
    fc.tuple(fc.constantFrom(...FACTS), pick, fc.boolean()).map(([type, which, isHolder]) => happens(type, which, isHolder)),
    // The sad way round, often enough to use up the attempts.
    pick.map((which) => happens('lost', which, true)),
    fc.tuple(pick, fc.integer({ min: 1, max: 5 })).map(([which, count]) => reports(which, count)),
    pick.map((which) => happens('expired', which, true)),
    fc.constantFrom(NOON + 4_000, NOON + 6_000).map(restarts),
    fc.constantFrom(1, 7).map(crashes),
  ],
  { maxCommands: 60, size: 'max' },
)

const title = 'whatever happens, in whatever order: nothing is lost, each request has one outcome and a log without a gap'

test(`${title} (SQLite)`, async () => live(await openSqliteStore(), 60))

test(`${title} (PostgreSQL)`, async () => {
  await using server = await startPostgres()
  await live(await openPostgresStore(await server.createDatabase()), 30)
})

async function live(under: LastingStore, numRuns: number): Promise<void> {
  const user = await under.addUser('Alice')
  const real = { under }
  try {
    await fc.assert(
      fc.asyncProperty(commands, async (happenings) => {
        const model: Model = { requests: [] }
        const stage: Real = { under: real.under, space: await addSpace(real.under, user, { name: uniqueName('model') }), user }
        try {
          await fc.asyncModelRun(() => ({ model, real: stage }), happenings)
          await expectSound(model, stage)
        } finally {
          real.under = stage.under
        }
      }),
      { numRuns },
    )
  } finally {
    await real.under[Symbol.asyncDispose]()
  }
}
