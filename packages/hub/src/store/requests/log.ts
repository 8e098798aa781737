/**
 * The log of a request. How it begins and how it ends is said by the request's own row: that it was accepted, as number
 * 1, and its result, as the last. What happens in between has rows of its own. (Earlier versions wrote rows for all; those are passed over.)
 */
import { sql } from 'kysely'
import { z } from 'zod'
import { isFinished, isoTime, outcome, type RequestEvent, requestEvent, type RequestId } from '@websocket-spaces/protocol'
import type { Database } from '../database.ts'
import { shareOf } from '../postgres-transaction.ts'
import type { RequestEventTable, RequestTable } from '../schema.ts'
import { statement } from '../statement.ts'

/** Number of the first event. */
export const FIRST = 1

export async function addEvent(db: Database, event: RequestEventTable): Promise<void> {
  const share = shareOf(db)
  if (share === undefined) await addOneEvent(db, { ...event })
  else share.writeLate(addManyEvents, event)
}

type EventRow = { [Column in keyof RequestEventTable]: RequestEventTable[Column] }

const addOneEvent = statement<EventRow>((db, slot) =>
  db.insertInto('request_events').values({
    request_id: slot('request_id'),
    seq: slot('seq'),
    type: slot('type'),
    data: slot('data'),
    at: slot('at'),
  }),
)

type EventColumns = { [Column in keyof RequestEventTable]: readonly RequestEventTable[Column][] }

/** PostgreSQL only: one statement, however many there are. */
const insertEvents = statement<EventColumns>((db, slot) =>
  db
    .insertInto('request_events')
    .columns(['request_id', 'seq', 'type', 'data', 'at'])
    .expression(
      sql`select * from unnest(${slot('request_id')}::text[], ${slot('seq')}::integer[], ${slot('type')}::text[], ${slot('data')}::text[], ${slot('at')}::bigint[])`,
    ),
)

async function addManyEvents(db: Database, events: readonly RequestEventTable[]): Promise<void> {
  await insertEvents(db, {
    request_id: events.map(({ request_id }) => request_id),
    seq: events.map(({ seq }) => seq),
    type: events.map(({ type }) => type),
    data: events.map(({ data }) => data),
    at: events.map(({ at }) => at),
  })
}

/** What the event of a start says. */
export function startOf(attempt: number, instance: string | null) {
  return { status: 'processing', attempt, ...(instance === null ? {} : { instance }) } as const
}

export async function eventsAfter(db: Database, id: RequestId, after: number, limit: number): Promise<RequestEvent[]> {
  return readLog(db, id, after, limit, between(db, id).where('seq', '>', after).limit(limit))
}

export async function milestonesOf(db: Database, id: RequestId): Promise<RequestEvent[]> {
  return readLog(db, id, 0, Infinity, between(db, id).where('type', '=', 'status'))
}

function between(db: Database, id: RequestId) {
  return db
    .selectFrom('request_events')
    .selectAll()
    .where('request_id', '=', id)
    .where('seq', '>', FIRST)
    .where('type', '!=', 'result')
    .orderBy('seq')
}

/** The row is read first: if it is finished by then, all the rows of its log are there. */
async function readLog(
  db: Database,
  id: RequestId,
  after: number,
  limit: number,
  rows: { execute(): Promise<readonly RequestEventTable[]> },
): Promise<RequestEvent[]> {
  const [head] = await headOf(db, { id })
  if (head === undefined) return []
  const events = (await rows.execute()).map(toEvent)
  if (after < FIRST) events.unshift(accepted(head))
  if (head.finished_at === null || after >= head.last_seq || events.length >= limit) return events.slice(0, limit)
  const result = await resultOf(db, id, { seq: head.last_seq, at: isoTime(head.finished_at) })
  // Deleted between the two reads.
  return result === null ? [] : [...events, result]
}

type Head = Pick<RequestTable, 'created_at' | 'finished_at' | 'last_seq'>

const headOf = statement<{ id: RequestId }, Head>((db, slot) =>
  db.selectFrom('requests').select(['created_at', 'finished_at', 'last_seq']).where('id', '=', slot('id')),
)

function accepted({ created_at }: Head): RequestEvent {
  return { seq: FIRST, at: isoTime(created_at), type: 'status', status: 'queued', attempt: 0 }
}

async function resultOf(db: Database, id: RequestId, numbered: Pick<RequestEvent, 'seq' | 'at'>): Promise<RequestEvent | null> {
  const row = await db.selectFrom('requests').select(['status', 'result', 'error']).where('id', '=', id).executeTakeFirst()
  if (row === undefined || !isFinished(row.status)) return null
  const said = { status: row.status, result: parseOr(row.result, null), error: parseOr(row.error, undefined) }
  return { ...numbered, type: 'result', outcome: outcome.parse(said) }
}

function parseOr(json: string | null, absent: null | undefined): unknown {
  return json === null ? absent : JSON.parse(json)
}

const eventData = z.record(z.string(), z.json())

function toEvent(row: RequestEventTable): RequestEvent {
  return requestEvent.parse({ seq: row.seq, at: isoTime(row.at), type: row.type, ...eventData.parse(JSON.parse(row.data)) })
}
