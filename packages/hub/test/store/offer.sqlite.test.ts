import { openSqliteStore } from '../support/sqlite-store.ts'
import { offerContract } from './offer.contract.ts'

offerContract('SQLite', openSqliteStore)
