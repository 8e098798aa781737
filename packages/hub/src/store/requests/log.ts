/**
 * The log of a request. How it begins and how it ends is said by the request's own row: that it was accepted, as number
 * 1; its first start, if that is number 2, until it is lost; and its result, as the last. What happens in between has rows of its
 * own. (Earlier versions wrote rows for all; those are passed over.)
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
/** Number of a first start that the row says: nothing was said of the request before. */
export const START = FIRST + 1

/** Whether the request's own row says this. */
export function isInRow(event: RequestEvent): boolean {
  return event.type === 'result' || (event.seq === START && isFirstStart(event))
}

function isFirstStart(event: RequestEvent): boolean {
  return event.type === 'status' && event.status === 'processing' && event.attempt === 1
}

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

/** The row is about to forget the first start: it is lost, or another machine goes on with it. Where it has another number, or an earlier version wrote it, it is kept already. */
export async function keepStart(db: Database, { id: request_id, attempt, started_at, instance }: Kept): Promise<void> {
  if (attempt !== 1 || started_at === null) return
  const event = { request_id, seq: START, type: 'status', data: JSON.stringify(startOf(1, instance)), at: started_at }
  await db
    .insertInto('request_events')
    .values(event)
    .onConflict((known) => known.doNothing())
    .execute()
}

type Kept = Pick<RequestTable, 'id' | 'attempt' | 'started_at' | 'instance'>

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

/** The request's row is read first, and nothing is read that came after it: what it says would not fit. */
async function readLog(
  db: Database,
  id: RequestId,
  after: number,
  limit: number,
  rows: { execute(): Promise<readonly RequestEventTable[]> },
): Promise<RequestEvent[]> {
  const [head] = await headOf(db, { id })
  if (head === undefined) return []
  const events = (await rows.execute()).filter(({ seq }) => seq <= head.last_seq).map(toEvent)
  const start = firstStart(head)
  // Something else has its number, or, where only milestones are read, that is not among them.
  const isKept = events[0]?.seq === START || events.some(isFirstStart)
  if (after < START && start !== null && !isKept) events.unshift(start)
  if (after < FIRST) events.unshift(accepted(head))
  if (head.finished_at === null || after >= head.last_seq || events.length >= limit) return events.slice(0, limit)
  const result = await resultOf(db, id, { seq: head.last_seq, at: isoTime(head.finished_at) })
  // Deleted between the two reads.
  return result === null ? [] : [...events, result]
}

type Head = Pick<RequestTable, (typeof HEAD)[number]>

const HEAD = ['created_at', 'started_at', 'finished_at', 'attempt', 'instance', 'last_seq'] as const

const headOf = statement<{ id: RequestId }, Head>((db, slot) => db.selectFrom('requests').select(HEAD).where('id', '=', slot('id')))

function accepted({ created_at }: Head): RequestEvent {
  return { seq: FIRST, at: isoTime(created_at), type: 'status', status: 'queued', attempt: 0 }
}

/** As the row says it. */
function firstStart({ attempt, started_at, instance }: Head): RequestEvent | null {
  if (attempt !== 1 || started_at === null) return null
  return { seq: START, at: isoTime(started_at), type: 'status', ...startOf(1, instance) }
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
