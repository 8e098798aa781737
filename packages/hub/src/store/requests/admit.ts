/** Whether a space takes one more request, and where in its line. */
import { sql } from 'kysely'
import { type SpaceId, SpacesError, type UserId } from '@websocket-spaces/protocol'
import type { NewRequest, Offer, SubmitLimits } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { isPostgres, locking } from '../dialect.ts'
import { shareOf } from '../postgres-transaction.ts'
import { statement } from '../statement.ts'
import { claimableOf, handedOf } from './line.ts'
import { nextTurn, turnOfId } from './turn.ts'

const DAY = 86_400_000

export interface Admission {
  readonly turn: number
  /** What it was offered, where nobody waits before it. */
  readonly slot: Offer | undefined
}

/** Throws `space_not_found`, `queue_full`, `too_fast`, `quota_exceeded`. */
export function admit(tx: Database, request: NewRequest, limits: SubmitLimits, offer: Offer | undefined): Promise<Admission> {
  return isPostgres(tx) ? askInOneGo(tx, request, limits, offer) : askInTurn(tx, request, limits, offer)
}

/** Nothing is asked that the answer before makes needless. */
async function askInTurn(tx: Database, request: NewRequest, limits: SubmitLimits, offer: Offer | undefined): Promise<Admission> {
  const { id, spaceId } = request
  const [space] = await lookAtSpace(tx, { spaceId })
  if (space === undefined) throw gone(spaceId)
  await checkInterval(tx, request, limits.minIntervalSeconds)
  await checkQuota(tx, request, limits.dailyQuota)
  if (space.waits === 0 && offer !== undefined) return { turn: turnOfId(id), slot: offer }
  await checkQueue(tx, spaceId, limits.maxQueue)
  return { turn: await nextTurn(tx, request), slot: undefined }
}

/** Answered in this order: the space is held before its queue is looked at. */
async function askInOneGo(tx: Database, request: NewRequest, limits: SubmitLimits, offer: Offer | undefined): Promise<Admission> {
  const { spaceId } = request
  const [, waits, turn] = await Promise.all([
    holdSpace(tx, spaceId),
    offer === undefined ? checkQueue(tx, spaceId, limits.maxQueue) : anyWaits(tx, spaceId),
    nextTurn(tx, request),
    checkInterval(tx, request, limits.minIntervalSeconds),
    checkQuota(tx, request, limits.dailyQuota),
  ])
  const slot = waits === false ? offer : undefined
  if (slot === undefined && offer !== undefined) await checkQueue(tx, spaceId, limits.maxQueue)
  return { turn, slot }
}

/** Whether a claim would find one: whoever comes now is not to overtake it. Nothing when there is no such space. */
const lookAtSpace = statement<{ spaceId: SpaceId }, { waits: number }>((db, slot) => {
  const waiting = claimableOf(db).where('space_id', '=', slot('spaceId')).select('id')
  return db
    .selectFrom('spaces')
    .where('spaces.id', '=', slot('spaceId'))
    .select((e) => e.cast<number>(e.exists(waiting), 'integer').as('waits'))
})

const lockSpace = statement<{ id: SpaceId }, { id: SpaceId }>((db, slot) =>
  locking(db, 'spaces', db.selectFrom('spaces').select('id').where('id', '=', slot('id'))),
)

/** The space may have been deleted since it was looked up; its requests would be nobody's. Submits to one space take turns here. */
export async function holdSpace(db: Database, spaceId: SpaceId): Promise<void> {
  const lock = (): Promise<{ id: SpaceId }[]> => lockSpace(db, { id: spaceId })
  const [space] = await (shareOf(db)?.once(`space ${spaceId}`, lock) ?? lock())
  if (space === undefined) throw gone(spaceId)
}

function gone(spaceId: SpaceId): SpacesError {
  return new SpacesError('space_not_found', { name: spaceId })
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

async function anyWaits(db: Database, spaceId: SpaceId): Promise<boolean> {
  return (await claimable(db, { spaceId })).length > 0
}

async function checkQueue(db: Database, spaceId: SpaceId, limit: number): Promise<void> {
  const [last] = await waitingAt(db, { spaceId, offset: limit - 1 })
  if (last !== undefined) throw new SpacesError('queue_full', { limit, wait: 5 })
}

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
