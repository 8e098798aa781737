import { openSqliteStore } from '../support/sqlite-store.ts'
import { requestReadsContract } from './request-reads.contract.ts'
import { requestStoreContract } from './request-store.contract.ts'

requestStoreContract('SQLite', openSqliteStore)
requestReadsContract('SQLite', openSqliteStore)
