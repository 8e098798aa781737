import { sql } from 'kysely'
import { type RequestId, SpacesError } from '@websocket-spaces/protocol'
import type { Inserted, InsertOptions, NewRequest, Offer, SubmitKey, SubmitLimits } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { transact } from '../dialect.ts'
import { type SlotFor, statement } from '../statement.ts'
import { admit, holdSpace } from './admit.ts'
import { FIRST, START } from './log.ts'
import { priorityNumber } from './rows.ts'

/**
 * Checks the space's limits and commits the request, in one transaction. Where nobody waits it
 * takes the slot it is offered, and so never was in the queue.
 */
export function insertRequest(
  db: Database,
  node: string,
  request: NewRequest,
  limits: SubmitLimits,
  { key, offer, onPlaced, onCommitted, onLasting }: InsertOptions = {},
): Promise<Inserted> {
  const insert = async (tx: Database): Promise<Inserted> => {
    const { id } = request
    const made = key === undefined ? null : await findMade(tx, request, key)
    if (made !== null) return { id: made, begun: false }
    const begun = await add(tx, node, request, limits, offer)
    if (key !== undefined) await keepKey(tx, request, key)
    return { id, begun }
  }
  return transact(db, insert, { onPlaced, onCommitted, onLasting, place: { lane: 'submit', key: request.spaceId } })
}

/** Whether it took the slot it was offered. */
async function add(tx: Database, node: string, request: NewRequest, limits: SubmitLimits, offer: Offer | undefined): Promise<boolean> {
  const columns = columnsOf(request)
  const { turn, slot } = await admit(tx, request, limits, offer)
  if (slot === undefined) await addRequest(tx, { ...columns, turn })
  else await addBegun(tx, { ...columns, turn, ...slot, renews: Number(slot.renews), node })
  return slot !== undefined
}

/** The space is held first: a submit with the same key may be under way. */
async function findMade(tx: Database, request: NewRequest, key: SubmitKey): Promise<RequestId | null> {
  await holdSpace(tx, request.spaceId)
  return findByKey(tx, request, key)
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

function columnsOf({ id, spaceId, userId, priority, input, createdAt }: NewRequest) {
  return { id, spaceId, userId, priority: priorityNumber(priority), input: JSON.stringify(input), createdAt }
}

type Columns = ReturnType<typeof columnsOf>
type NewRow = Columns & { readonly turn: number }

function newRow(slot: SlotFor<NewRow>) {
  return {
    id: slot('id'),
    space_id: slot('spaceId'),
    user_id: slot('userId'),
    priority: slot('priority'),
    turn: slot('turn'),
    input: slot('input'),
    losses: sql.lit(0),
    output_chars: sql.lit(0),
    created_at: slot('createdAt'),
  }
}

const addRequest = statement<NewRow>((db, slot) =>
  db.insertInto('requests').values({ ...newRow(slot), status: 'queued', attempt: 0, last_seq: FIRST }),
)

type BegunRow = NewRow & Slot
type Slot = { readonly [Key in Exclude<keyof Offer, 'renews'>]: Offer[Key] } & { readonly renews: number; readonly node: string }

const addBegun = statement<BegunRow>((db, slot) =>
  db.insertInto('requests').values({
    ...newRow(slot),
    status: sql.lit('processing'),
    attempt: sql.lit(1),
    last_seq: sql.lit(START),
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
