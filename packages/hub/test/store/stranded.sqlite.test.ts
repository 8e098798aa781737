import { openSqliteStore } from '../support/sqlite-store.ts'
import { strandedContract } from './stranded.contract.ts'

strandedContract('SQLite', openSqliteStore)
