/** Table shapes. Times are milliseconds since 1970 (UTC); lists and objects are JSON text. */
import type {
  Category,
  ConnectionId,
  ConnectionView,
  LeaseId,
  RequestId,
  RequestStatus,
  SecretId,
  SpaceId,
  UserId,
  Visibility,
} from '@websocket-spaces/protocol'
import type { Generated } from 'kysely'
import type { SecretKind } from '../accounts/ports.ts'
import type { LossReason } from '../requests/lifecycle.ts'

export interface SpaceTable {
  id: SpaceId
  owner_id: UserId
  name: string
  description: string
  category: Category
  tags: string
  emoji: string
  visibility: Visibility
  inputs: string
  examples: string
  max_queue: number
  min_interval_seconds: number
  daily_quota: number
  deadline_seconds: number
  max_attempts: number
  hold_seconds: number
  open_registration: number
  cover_updated_at: number | null
  last_seen_at: number | null
  created_at: number
  updated_at: number
}

export interface SpaceCoverTable {
  space_id: SpaceId
  media_type: string
  bytes: Uint8Array
}

export interface RequestTable {
  id: RequestId
  space_id: SpaceId
  user_id: UserId
  status: RequestStatus
  /** Index in `PRIORITIES`. */
  priority: number
  /** When its user's turn is among the others of its space and priority: see `requests/turn.ts`. */
  turn: number
  input: string
  result: string | null
  error: string | null
  progress: number | null
  attempt: number
  /** How often an app was lost while it worked on it. */
  losses: number
  /** Number of the newest event. */
  last_seq: number
  /** Characters of output stored so far. */
  output_chars: number
  lease_id: LeaseId | null
  connection_id: ConnectionId | null
  /** The node its holder is, or was, connected to. */
  node_id: string | null
  /** Which app holds it, however often that reconnects. */
  app: string | null
  /** Whether that renews its leases. */
  renews: number | null
  /** Until when its holder, whose connection is gone, may come back; and how the attempt then ends. */
  away_until: number | null
  away_reason: LossReason | null
  /** When it went into an app's own queue. */
  handed_at: number | null
  instance: string | null
  created_at: number
  started_at: number | null
  deadline_at: number | null
  finished_at: number | null
}

/** What a request's log says between its first event and its result, which are its own row. */
export interface RequestEventTable {
  request_id: RequestId
  seq: number
  type: string
  data: string
  at: number
}

/** A submit made with an `Idempotency-Key`; `fingerprint` is the hash of what was submitted. */
export interface SubmissionTable {
  user_id: UserId
  space_id: SpaceId
  key: string
  fingerprint: string
  request_id: RequestId
  created_at: number
}

/** better-auth's table, read here for the names of owners and users. PostgreSQL has types of its own for its booleans and times. */
export interface UserTable {
  id: UserId
  username: string | null
  displayUsername: string | null
  role: string | null
  banned: boolean | number | null
  createdAt: Date | string
  updatedAt: Date | string
}

/** better-auth's table. `expiresAt` is ISO text, or a time of PostgreSQL's, which compares with such text. */
export interface SessionTable {
  id: string
  userId: UserId
  ipAddress: string | null
  expiresAt: string
}

/** better-auth's table of passwords, one row per user. */
export interface AccountTable {
  userId: UserId
}

/** Connect tokens and API keys; `hash` is all that is kept of the secret itself. */
export interface SecretTable {
  id: SecretId
  kind: SecretKind
  owner_id: UserId
  /** Connect tokens only; null = all spaces of the owner. */
  space_id: SpaceId | null
  name: string
  hint: string
  hash: string
  created_at: number
  last_used_at: number | null
}

export interface InviteTable {
  id: SecretId
  note: string
  hint: string
  hash: string
  uses_left: number
  created_at: number
  expires_at: number | null
}

export interface NodeTable {
  id: string
  /** By the database's clock. */
  expires_at: number
}

/** Apps connected to any node of several. */
export interface ConnectionTable {
  id: ConnectionId
  node_id: string
  space_id: SpaceId
  space: string
  token_id: SecretId | null
  instance: string | null
  sdk: string | null
  address: string
  transport: string
  state: ConnectionView['state']
  concurrency: number
  prefetch: number
  connected_at: number
  /** 1 = an admin closed it. */
  shown_out: Generated<number>
}

export interface SettingTable {
  key: string
  value: string
}

export interface Tables {
  spaces: SpaceTable
  space_covers: SpaceCoverTable
  requests: RequestTable
  request_events: RequestEventTable
  submissions: SubmissionTable
  user: UserTable
  session: SessionTable
  account: AccountTable
  secrets: SecretTable
  invites: InviteTable
  settings: SettingTable
  nodes: NodeTable
  connections: ConnectionTable
}
