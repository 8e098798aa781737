import { sql } from 'kysely'
import { type RequestId, SpacesError, type UserId, type SpaceId } from '@websocket-spaces/protocol'
import type { Inserted, InsertOptions, NewRequest, Offer, SubmitKey, SubmitLimits } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { locking, transact } from '../dialect.ts'
import { shareOf } from '../postgres-transaction.ts'
import { type SlotFor, statement } from '../statement.ts'
import { claimableOf, handedOf } from './line.ts'
import { addEvent, priorityNumber, startOf } from './rows.ts'
import { nextTurn } from './turn.ts'

const DAY = 86_400_000
const QUEUED = JSON.stringify({ status: 'queued', attempt: 0 })

/**
 * Checks the space's limits and commits the request with its first events, in one transaction. Where nobody waits it
 * takes the slot it is offered, and so never was in the queue.
 */
export async function insertRequest(
  db: Database,
  node: string,
  request: NewRequest,
  limits: SubmitLimits,
  { key, offer, onPlaced, onCommitted }: InsertOptions = {},
): Promise<Inserted> {
  const insert = async (tx: Database): Promise<Inserted> => {
    const { id, spaceId } = request
    const held = checkSpace(tx, spaceId)
    const made = key === undefined ? null : await held.then(() => findByKey(tx, request, key))
    if (made !== null) return { id: made, begun: false }
    // Asked in one go, and answered in this order: the space is held by then.
    const [, waits, turn] = await Promise.all([
      held,
      offer === undefined ? checkQueue(tx, spaceId, limits.maxQueue) : anyWaits(tx, spaceId),
      nextTurn(tx, request),
      checkInterval(tx, request, limits.minIntervalSeconds),
      checkQuota(tx, request, limits.dailyQuota),
    ])
    const slot = waits === false ? offer : undefined
    if (slot === undefined && offer !== undefined) await checkQueue(tx, spaceId, limits.maxQueue)
    const row = { ...columnsOf(request), turn }
    await addEvent(tx, { request_id: id, seq: 1, type: 'status', data: QUEUED, at: request.createdAt })
    if (slot === undefined) await addRequest(tx, row)
    else await addBegun(tx, row, { ...slot, renews: Number(slot.renews), node })
    if (key !== undefined) await keepKey(tx, request, key)
    return { id, begun: slot !== undefined }
  }
  return transact(db, insert, { onPlaced, onCommitted, place: { lane: 'submit', key: request.spaceId } })
}

async function addBegun(tx: Database, row: NewRow, slot: Slot): Promise<void> {
  const data = JSON.stringify(startOf(1, slot.instance))
  await addBegunRequest(tx, { ...row, ...slot })
  await addEvent(tx, { request_id: row.id, seq: 2, type: 'status', data, at: slot.at })
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

const claimable = statement<{ spaceId: SpaceId }, { space_id: SpaceId }>((db, slot) =>
  claimableOf(db).where('space_id', '=', slot('spaceId')).select('space_id').limit(sql.lit(1)),
)

/** Whether a claim would find one: whoever comes now is not to overtake it. */
async function anyWaits(db: Database, spaceId: SpaceId): Promise<boolean> {
  return (await claimable(db, { spaceId })).length > 0
}

async function checkQueue(db: Database, spaceId: SpaceId, limit: number): Promise<void> {
  const [last] = await waitingAt(db, { spaceId, offset: limit - 1 })
  if (last !== undefined) throw new SpacesError('queue_full', { limit, wait: 5 })
}

function columnsOf({ id, spaceId, userId, priority, input, createdAt }: NewRequest) {
  return { id, spaceId, userId, priority: priorityNumber(priority), input: JSON.stringify(input), createdAt }
}

type NewRow = ReturnType<typeof columnsOf> & { readonly turn: number }

function newRow(slot: SlotFor<NewRow>) {
  return {
    id: slot('id'),
    space_id: slot('spaceId'),
    user_id: slot('userId'),
    priority: slot('priority'),
    turn: slot('turn'),
    input: slot('input'),
    losses: 0,
    output_chars: 0,
    created_at: slot('createdAt'),
  }
}

const addRequest = statement<NewRow>((db, slot) =>
  db.insertInto('requests').values({ ...newRow(slot), status: 'queued', attempt: 0, last_seq: 1 }),
)

type Slot = { readonly [Key in Exclude<keyof Offer, 'renews'>]: Offer[Key] } & { readonly renews: number; readonly node: string }

const addBegunRequest = statement<NewRow & Slot>((db, slot) =>
  db.insertInto('requests').values({
    ...newRow(slot),
    status: 'processing',
    attempt: 1,
    last_seq: 2,
    lease_id: slot('leaseId'),
    connection_id: slot('connectionId'),
    node_id: slot('node'),
    instance: slot('instance'),
    app: slot('app'),
    renews: slot('renews'),
    started_at: slot('at'),
    deadline_at: slot('deadlineAt'),
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
