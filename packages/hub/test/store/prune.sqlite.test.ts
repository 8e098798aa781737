import { openSqliteStore } from '../support/sqlite-store.ts'
import { pruneContract } from './prune.contract.ts'

pruneContract('SQLite', openSqliteStore)
