import { openSqliteStore } from '../support/sqlite-store.ts'
import { spaceStoreContract } from './space-store.contract.ts'

spaceStoreContract('SQLite', openSqliteStore)
