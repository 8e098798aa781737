import { openSqliteStore } from '../support/sqlite-store.ts'
import { fairnessContract } from './fairness.contract.ts'

fairnessContract('SQLite', openSqliteStore)
