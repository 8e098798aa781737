import { type RawBuilder, sql } from 'kysely'
import { PRIORITIES, type Priority, requestError, requestInput, requestResult, isFinished as isOver } from '@websocket-spaces/protocol'
import type { Lease, Phase } from '../../requests/lifecycle.ts'
import type { StoredRequest } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import type { RequestTable } from '../schema.ts'
import { statement } from '../statement.ts'

export type RequestRow = RequestTable & {
  space_name: string
  space_owner_id: StoredRequest['spaceOwnerId']
  max_attempts: number
  owner_name: string
  user_name: string
}

/** Requests with the names people know their space and user by. */
export function selectRequests(db: Database) {
  return selectNamed(db).selectAll('requests')
}

const LISTED = [
  'requests.id',
  'requests.space_id',
  'requests.user_id',
  'requests.status',
  'requests.priority',
  'requests.turn',
  'requests.handed_at',
  'requests.input',
  'requests.error',
  'requests.progress',
  'requests.attempt',
  'requests.losses',
  'requests.last_seq',
  'requests.output_chars',
  'requests.app',
  'requests.renews',
  'requests.away_until',
  'requests.away_reason',
  'requests.lease_id',
  'requests.connection_id',
  'requests.node_id',
  'requests.instance',
  'requests.created_at',
  'requests.started_at',
  'requests.deadline_at',
  'requests.finished_at',
] as const

/** As {@link selectRequests} without the results, which may be large. */
export function selectListed(db: Database) {
  return selectNamed(db)
    .select(LISTED)
    .select(sql<null>`null`.as('result'))
}

function selectNamed(db: Database) {
  return db
    .selectFrom('requests')
    .innerJoin('spaces', 'spaces.id', 'requests.space_id')
    .innerJoin('user as owner', 'owner.id', 'spaces.owner_id')
    .innerJoin('user as submitter', 'submitter.id', 'requests.user_id')
    .select((e) => [
      'spaces.name as space_name',
      'spaces.owner_id as space_owner_id',
      'spaces.max_attempts as max_attempts',
      e.fn.coalesce('owner.displayUsername', 'owner.username', e.val('')).as('owner_name'),
      e.fn.coalesce('submitter.displayUsername', 'submitter.username', e.val('')).as('user_name'),
    ])
}

type RequestChange = Partial<Omit<RequestTable, 'id'>>
const changes = new Map<string, ReturnType<typeof changing>>()

/** Changes some columns of a request, by one statement for each set of columns. */
export async function changeRequest(db: Database, id: RequestTable['id'], change: RequestChange): Promise<void> {
  const columns = Object.keys(change)
  const key = columns.join(' ')
  const run = changes.get(key) ?? changing(columns)
  changes.set(key, run)
  await run(db, { ...change, id })
}

function changing(columns: readonly string[]) {
  return statement<Readonly<Record<string, unknown>>>((db, slot) =>
    db
      .updateTable('requests')
      .set(Object.fromEntries(columns.map((column) => [column, slot(column) as RawBuilder<never>])))
      .where('id', '=', slot('id') as RawBuilder<never>),
  )
}

/** `known` spares parsing it again. */
export function toRequest(row: RequestRow, known?: Pick<StoredRequest, 'input' | 'result'>): StoredRequest {
  const { input, result } = known ?? { input: requestInput.parse(JSON.parse(row.input)), result: parseResult(row) }
  return {
    id: row.id,
    spaceId: row.space_id,
    space: `${row.owner_name}/${row.space_name}`,
    spaceOwnerId: row.space_owner_id,
    userId: row.user_id,
    username: row.user_name,
    phase: phaseOf(row),
    priority: PRIORITIES[row.priority] ?? 'normal',
    input,
    result,
    error: row.error === null ? null : requestError.parse(JSON.parse(row.error)),
    progress: row.progress,
    attempt: row.attempt,
    losses: row.losses,
    maxAttempts: row.max_attempts,
    lastSeq: row.last_seq,
    outputChars: row.output_chars,
    instance: row.instance,
    createdAt: row.created_at,
    startedAt: row.started_at,
    deadlineAt: row.deadline_at,
    finishedAt: row.finished_at,
  }
}

function parseResult({ result }: RequestRow): StoredRequest['result'] {
  return result === null ? null : requestResult.parse(JSON.parse(result))
}

export function priorityNumber(priority: Priority): number {
  return PRIORITIES.indexOf(priority)
}

type PhaseColumns = Pick<RequestTable, 'status' | 'started_at' | 'deadline_at' | LeaseColumn>
type LeaseColumn = 'lease_id' | 'connection_id' | 'instance' | 'app' | 'renews' | 'away_until' | 'away_reason'

export function phaseOf(row: PhaseColumns): Phase {
  if (isOver(row.status)) return { at: 'finished', status: row.status }
  const lease = leaseOf(row)
  if (lease === null) return { at: 'waiting' }
  if (row.status === 'queued') return { at: 'handed', lease }
  const at = row.status === 'canceling' ? 'canceling' : 'running'
  return { at, lease, startedAt: row.started_at ?? 0, deadlineAt: row.deadline_at ?? 0 }
}

function leaseOf({
  lease_id: id,
  connection_id: connectionId,
  instance,
  app,
  renews,
  away_until: until,
  away_reason: reason,
}: PhaseColumns) {
  if (id === null || connectionId === null) return null
  const away = until === null || reason === null ? null : { until, reason }
  return { id, connectionId, instance, app: app ?? '', renews: renews === 1, away } satisfies Lease
}
