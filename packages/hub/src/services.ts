import type { Logger } from 'pino'
import type { Accounts } from './accounts/accounts.ts'
import type { HubConfig } from './config.ts'

/** The use cases that HTTP routes and socket gateways call. Wired in hub.ts, nowhere else. */
export interface Services {
  readonly config: HubConfig
  readonly log: Logger
  readonly accounts: Accounts
}
