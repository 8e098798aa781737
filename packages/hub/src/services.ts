import type { ErrorCode } from '@websocket-spaces/protocol'
import type { Logger } from 'pino'
import type { Accounts } from './accounts/accounts.ts'
import type { HubConfig } from './config.ts'
import type { Bus } from './requests/ports.ts'
import type { Reports } from './requests/report.ts'
import type { Requests } from './requests/requests.ts'
import type { Resume } from './requests/resume.ts'
import type { Catalog } from './spaces/catalog.ts'
import type { Connection, ConnectionChoice, Connections } from './spaces/connections.ts'
import type { Presence, SpaceStore } from './spaces/ports.ts'

/** The use cases that HTTP routes and socket gateways call. Wired in hub.ts, nowhere else. */
export interface Services {
  readonly config: HubConfig
  readonly log: Logger
  readonly bus: Bus
  readonly accounts: Accounts
  readonly catalog: Catalog
  readonly catalogStore: Pick<SpaceStore, 'find' | 'findByName' | 'allNamed'>
  readonly connections: Connections
  readonly requests: Requests
  readonly reports: Reports
  readonly resume: Resume
  /** An app will leave; resolves when it will be handed nothing more. */
  readonly drainApp: (connection: Connection) => Promise<void>
  readonly presence: Presence
  /** Wherever they are connected. */
  readonly closeConnections: (choice: ConnectionChoice, code: ErrorCode) => void
  readonly isStopping: () => boolean
  /** Whether new work is taken: false while the hub stops. */
  readonly isReady: () => Promise<boolean>
}
