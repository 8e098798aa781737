import { sql } from 'kysely'
import { type RequestId, SpacesError, type UserId, type SpaceId } from '@websocket-spaces/protocol'
import type { NewRequest, SubmitKey, SubmitLimits } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { locking, transact } from '../dialect.ts'
import { shareOf } from '../postgres-transaction.ts'
import { statement } from '../statement.ts'
import { claimableOf, handedOf } from './line.ts'
import { addEvent, priorityNumber } from './rows.ts'
import { nextTurn } from './turn.ts'

const DAY = 86_400_000
const QUEUED = JSON.stringify({ status: 'queued', attempt: 0 })

/** Checks the space's limits and commits the request with its first event, in one transaction. */
export async function insertRequest(
  db: Database,
  request: NewRequest,
  limits: SubmitLimits,
  key?: SubmitKey,
  onClaimable?: () => void,
): Promise<RequestId> {
  const insert = async (tx: Database): Promise<RequestId> => {
    const held = checkSpace(tx, request.spaceId)
    const made = key === undefined ? null : await held.then(() => findByKey(tx, request, key))
    if (made !== null) return made
    // Asked in one go, and answered in this order: the space is held by then.
    const [, , turn] = await Promise.all([
      held,
      checkQueue(tx, request.spaceId, limits.maxQueue),
      nextTurn(tx, request),
      checkInterval(tx, request, limits.minIntervalSeconds),
      checkQuota(tx, request, limits.dailyQuota),
    ])
    await addRequest(tx, { ...request, priority: priorityNumber(request.priority), turn, input: JSON.stringify(request.input) })
    await addEvent(tx, { request_id: request.id, seq: 1, type: 'status', data: QUEUED, at: request.createdAt })
    if (key !== undefined) await keepKey(tx, request, key)
    return request.id
  }
  return transact(db, insert, { onPlaced: onClaimable, place: { lane: 'submit', key: request.spaceId } })
}

export async function findByKey(
  db: Database,
  { userId, spaceId }: Pick<NewRequest, 'userId' | 'spaceId'>,
  { key, fingerprint }: SubmitKey,
): Promise<RequestId | null> {
  const made = await db
    .selectFrom('submissions')
    .select(['request_id', 'fingerprint'])
    .where('user_id', '=', userId)
    .where('space_id', '=', spaceId)
    .where('key', '=', key)
    .executeTakeFirst()
  if (made === undefined) return null
  if (made.fingerprint !== fingerprint) throw new SpacesError('key_reused')
  return made.request_id
}

async function keepKey(db: Database, { id, userId, spaceId, createdAt }: NewRequest, { key, fingerprint }: SubmitKey): Promise<void> {
  const row = { user_id: userId, space_id: spaceId, key, fingerprint, request_id: id, created_at: createdAt }
  await db.insertInto('submissions').values(row).execute()
}

const lockSpace = statement<{ id: SpaceId }, { id: SpaceId }>((db, slot) =>
  locking(db, 'spaces', db.selectFrom('spaces').select('id').where('id', '=', slot('id'))),
)

/** The space may have been deleted since it was looked up; its requests would be nobody's. Submits to one space take turns here. */
async function checkSpace(db: Database, spaceId: SpaceId): Promise<void> {
  const lock = (): Promise<{ id: SpaceId }[]> => lockSpace(db, { id: spaceId })
  const [space] = await (shareOf(db)?.once(`space ${spaceId}`, lock) ?? lock())
  if (space === undefined) throw new SpacesError('space_not_found', { name: spaceId })
}

/** In any order: only whether there are so many. */
const waitingAt = statement<{ spaceId: SpaceId; offset: number }, { space_id: SpaceId }>((db, slot) => {
  const inHub = claimableOf(db).where('space_id', '=', slot('spaceId')).select('space_id')
  const inApps = handedOf(db).where('space_id', '=', slot('spaceId')).select('space_id')
  return db.selectFrom(inHub.unionAll(inApps).as('waiting')).select('space_id').limit(sql.lit(1)).offset(slot('offset'))
})

async function checkQueue(db: Database, spaceId: SpaceId, limit: number): Promise<void> {
  const [last] = await waitingAt(db, { spaceId, offset: limit - 1 })
  if (last !== undefined) throw new SpacesError('queue_full', { limit, wait: 5 })
}

interface NewRow {
  readonly id: RequestId
  readonly spaceId: SpaceId
  readonly userId: UserId
  readonly priority: number
  readonly turn: number
  readonly input: string
  readonly createdAt: number
}

const addRequest = statement<{ [Column in keyof NewRow]: NewRow[Column] }>((db, slot) =>
  db.insertInto('requests').values({
    id: slot('id'),
    space_id: slot('spaceId'),
    user_id: slot('userId'),
    status: 'queued',
    priority: slot('priority'),
    turn: slot('turn'),
    input: slot('input'),
    attempt: 0,
    losses: 0,
    last_seq: 1,
    output_chars: 0,
    created_at: slot('createdAt'),
  }),
)

async function checkInterval(db: Database, { spaceId, userId, createdAt }: NewRequest, seconds: number): Promise<void> {
  if (seconds === 0) return
  const latest = await ownRequests(db, spaceId, userId).select('created_at').orderBy('id', 'desc').limit(1).executeTakeFirst()
  const wait = latest === undefined ? 0 : Math.ceil((latest.created_at + seconds * 1000 - createdAt) / 1000)
  if (wait > 0) throw new SpacesError('too_fast', { seconds, wait })
}

/** Looks at the last request the quota allows, and at no more of the history than that. */
async function checkQuota(db: Database, { spaceId, userId, createdAt }: NewRequest, limit: number): Promise<void> {
  if (limit === 0) return
  const midnight = createdAt - (createdAt % DAY)
  const last = await ownRequests(db, spaceId, userId)
    .select('created_at')
    .orderBy('id', 'desc')
    .offset(limit - 1)
    .limit(1)
    .executeTakeFirst()
  if (last === undefined || last.created_at < midnight) return
  throw new SpacesError('quota_exceeded', { limit, wait: Math.ceil((midnight + DAY - createdAt) / 1000) })
}

function ownRequests(db: Database, spaceId: SpaceId, userId: UserId) {
  return db.selectFrom('requests').where('space_id', '=', spaceId).where('user_id', '=', userId)
}
