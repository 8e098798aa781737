import { type KyselyPlugin, type RootOperationNode, sql } from 'kysely'
import { expect, test } from 'vitest'
import { createRequestStore } from '../../src/store/requests/index.ts'
import { newSpaceId } from '../support/material.ts'
import { openSqliteStore } from '../support/sqlite-store.ts'

test('what is asked while apps come and go, and at each sweep, never goes through what is finished', async () => {
  await using under = await openSqliteStore()
  const asked: RootOperationNode[] = []
  const listening: KyselyPlugin = {
    transformQuery({ node }) {
      asked.push(node)
      return node
    },
    transformResult: ({ result }) => Promise.resolve(result),
  }
  const store = createRequestStore(under.db.withPlugin(listening))
  const space = newSpaceId()
  await store.away(space, 'app')
  await store.unfinished(space, 10)
  await store.overdue(0, 10)
  await store.expired(0, 10)
  await store.held()
  await store.orphans(10)
  await store.counts(space)
  await store.unclaimed(space, 0, 10)
  await store.spacesWithClaimable()
  await store.strandedSpaces(0)
  const plans = await Promise.all(asked.map((node) => planOf(node)))
  expect(plans.length).toBeGreaterThan(9)
  expect(
    plans.filter((plan) => /requests_(space|history|user|finished)|(SCAN|SEARCH) requests$|sqlite_autoindex_requests/m.test(plan)),
  ).toEqual([])

  async function planOf(node: RootOperationNode): Promise<string> {
    const { sql: text, parameters } = under.db.getExecutor().compileQuery(node, { queryId: 'plan' })
    let index = 0
    const bound = text.replaceAll('?', () => literal(parameters[index++]))
    const { rows } = await sql.raw<{ detail: string }>(`explain query plan ${bound}`).execute(under.db)
    return [text, ...rows.map(({ detail }) => detail)].join('\n')
  }
})

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value)
}
