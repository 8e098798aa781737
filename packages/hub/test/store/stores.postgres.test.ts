import { afterAll, beforeAll } from 'vitest'
import { openPostgresStore } from '../support/postgres-store.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'
import type { StoreUnderTest } from '../support/sqlite-store.ts'
import { fairnessContract } from './fairness.contract.ts'
import { offerContract } from './offer.contract.ts'
import { requestReadsContract } from './request-reads.contract.ts'
import { pruneContract } from './prune.contract.ts'
import { requestStoreContract } from './request-store.contract.ts'
import { spaceStoreContract } from './space-store.contract.ts'
import { strandedContract } from './stranded.contract.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())

async function open(): Promise<StoreUnderTest> {
  return openPostgresStore(await server.createDatabase())
}

requestStoreContract('PostgreSQL', open)
offerContract('PostgreSQL', open)
requestReadsContract('PostgreSQL', open)
fairnessContract('PostgreSQL', open, 10)
spaceStoreContract('PostgreSQL', open)
strandedContract('PostgreSQL', open)
pruneContract('PostgreSQL', open)
