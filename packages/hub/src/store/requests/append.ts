import { type ErrorCode, isFinished, isoTime, LIMITS, type RequestEvent } from '@websocket-spaces/protocol'
import type { LeaseRef } from '../../requests/lifecycle.ts'
import type { Append, Appended, Report } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { locking, transact } from '../dialect.ts'
import type { RequestEventTable, RequestTable } from '../schema.ts'

/** SQLite binds at most 32,766 values in one statement, five a row. */
const ROWS_PER_INSERT = 1_000

/** Adds reports to the logs of running requests, all in one transaction. */
export async function appendReports(db: Database, batch: readonly Append[], at: number): Promise<Appended[]> {
  return transact(db, async (tx) => {
    const answers = new Map<Append, Appended>()
    // Held in the order of their ids: two nodes that hold each what the other wants would wait for ever.
    for (const append of batch.toSorted(byRequest)) answers.set(append, await appendOne(tx, append, at))
    return batch.map((append) => answers.get(append) ?? { ok: false, code: 'internal' })
  })
}

function byRequest(a: Append, b: Append): number {
  return a.requestId < b.requestId ? -1 : Number(a.requestId > b.requestId)
}

async function appendOne(db: Database, { requestId, by, reports }: Append, at: number): Promise<Appended> {
  const found = db
    .selectFrom('requests')
    .select(['status', 'lease_id', 'connection_id', 'last_seq', 'output_chars', 'progress'])
    .where('id', '=', requestId)
  const row = await locking(db, 'requests', found).executeTakeFirst()
  const refusal = refuse(row, by, reports)
  if (row === undefined || refusal !== null) return { ok: false, code: refusal ?? 'not_found' }
  const events = reports.map((report, index) => numbered(report, row.last_seq + 1 + index, at))
  const values = reports.map((report, index) => {
    const { type, ...data } = report
    return { request_id: requestId, seq: row.last_seq + 1 + index, type, data: JSON.stringify(data), at }
  })
  await insertEvents(db, values)
  const progress = reports.findLast((report) => report.type === 'progress')?.progress ?? row.progress
  const change = { last_seq: row.last_seq + reports.length, output_chars: row.output_chars + outputChars(reports), progress }
  await db.updateTable('requests').set(change).where('id', '=', requestId).execute()
  return { ok: true, events }
}

async function insertEvents(db: Database, rows: readonly RequestEventTable[]): Promise<void> {
  for (let first = 0; first < rows.length; first += ROWS_PER_INSERT) {
    await db
      .insertInto('request_events')
      .values(rows.slice(first, first + ROWS_PER_INSERT))
      .execute()
  }
}

type HeadColumns = Pick<RequestTable, 'status' | 'lease_id' | 'connection_id' | 'last_seq' | 'output_chars' | 'progress'>

function refuse(row: HeadColumns | undefined, by: LeaseRef, reports: readonly Report[]): ErrorCode | null {
  if (row === undefined) return 'not_found'
  if (isFinished(row.status)) return 'request_finished'
  if (row.lease_id !== by.id || row.connection_id !== by.connectionId) return 'stale_lease'
  const tooLong = row.output_chars + outputChars(reports) > LIMITS.outputChars
  return tooLong || row.last_seq + reports.length > LIMITS.eventsPerRequest ? 'output_full' : null
}

function outputChars(reports: readonly Report[]): number {
  return reports.reduce((sum, report) => sum + (report.type === 'output' ? report.text.length : 0), 0)
}

function numbered(report: Report, seq: number, at: number): RequestEvent {
  return { seq, at: isoTime(at), ...report }
}
