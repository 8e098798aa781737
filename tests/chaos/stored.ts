/** What the store holds in the end, read past the hub. */
import type { Outcome, RequestId, SpaceId, UserId } from '@websocket-spaces/protocol'
import { openDatabase } from '../../packages/hub/src/store/open.ts'
import type { Stage } from './stage.ts'

export interface StoredEvent {
  readonly seq: number
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface Stored {
  readonly id: RequestId
  readonly spaceId: SpaceId
  readonly userId: UserId
  readonly prompt: string
  readonly status: string
  readonly result: Readonly<Record<string, unknown>> | null
  readonly error: { readonly code: string; readonly message: string } | null
  readonly attempt: number
  readonly lastSeq: number
  readonly events: readonly StoredEvent[]
}

/** All requests, oldest first. Their logs begin and end with their own rows, as long as their first start is not lost. No hub may run on a SQLite file. */
export async function readStore(storage: Stage['storage']): Promise<Stored[]> {
  await using database = await openDatabase(storage)
  const rows = await database.db.selectFrom('requests').selectAll().orderBy('id').execute()
  const events = await database.db.selectFrom('request_events').selectAll().orderBy('request_id').orderBy('seq').execute()
  const byRequest = Map.groupBy(events, (event) => event.request_id)
  return rows.map((row) => ({
    id: row.id,
    spaceId: row.space_id,
    userId: row.user_id,
    prompt: (JSON.parse(row.input) as { prompt: string }).prompt,
    status: row.status,
    result: row.result === null ? null : (JSON.parse(row.result) as Stored['result']),
    error: row.error === null ? null : (JSON.parse(row.error) as Stored['error']),
    attempt: row.attempt,
    lastSeq: row.last_seq,
    events: [
      { seq: 1, type: 'status', data: { status: 'queued', attempt: 0 }, at: row.created_at },
      ...(row.attempt === 1 && row.started_at !== null
        ? [{ seq: 2, type: 'status', data: startData(row.instance), at: row.started_at }]
        : []),
      ...(byRequest.get(row.id) ?? []).map(({ seq, type, data, at }) => ({ seq, type, data: JSON.parse(data) as StoredEvent['data'], at })),
      ...(row.finished_at === null ? [] : [{ seq: row.last_seq, type: 'result', data: {}, at: row.finished_at }]),
    ],
  }))
}

function startData(instance: string | null): StoredEvent['data'] {
  return { status: 'processing', attempt: 1, ...(instance === null ? {} : { instance }) }
}

export function isOver({ status }: Stored): boolean {
  return status === 'completed' || status === 'failed' || status === 'canceled'
}

/** As followers are told it. */
export function outcomeOf({ status, result, error }: Stored): Outcome {
  return { status, ...(status === 'completed' ? { result } : status === 'failed' ? { error, result } : {}) } as Outcome
}
