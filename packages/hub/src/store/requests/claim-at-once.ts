import { sql } from 'kysely'
import { isoTime, type LeaseId, type RequestId, requestInput, type UserId } from '@websocket-spaces/protocol'
import type { Claim, ClaimedRequest } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { limitOf, statement } from '../statement.ts'
import { START } from './log.ts'

/** What a claim sets, as values of one statement. */
interface Wanted extends Pick<Claim, 'spaceId' | 'connectionId' | 'instance' | 'app' | 'start' | 'at' | 'deadlineAt'> {
  readonly renews: number
  readonly node: string
  readonly most: number
  /** What the log says after the attempt's number, as JSON. */
  readonly ending: string
}

interface ClaimedRow {
  readonly id: RequestId
  readonly lease_id: LeaseId
  readonly user_id: UserId
  readonly user_name: string
  readonly input: string
  readonly attempt: number
  readonly last_seq: number
  readonly created_at: number
  readonly started: boolean
}

/**
 * The claim of PostgreSQL: one statement, so that a node that freezes in the middle of it holds no row locked, which
 * others would pass over. Nodes that claim at the same time get different requests.
 */
export async function claimAtOnce(db: Database, node: string, claim: Claim): Promise<ClaimedRequest[]> {
  const { spaceId, connectionId, instance, app, start, hold, at, deadlineAt } = claim
  const renews = Number(claim.renews)
  const named = instance === null ? {} : { instance }
  const ending = instance === null ? '}' : `,${JSON.stringify(named).slice(1)}`
  const rows = await claimed(db, { spaceId, connectionId, instance, app, renews, start, at, deadlineAt, node, ending, most: start + hold })
  return rows.map((row) => {
    const { id, lease_id: leaseId, user_id: userId, user_name: username, created_at: createdAt, started, last_seq: seq } = row
    const attempt = started ? row.attempt : row.attempt + 1
    const event = { seq, at: isoTime(at), type: 'status', status: 'processing', attempt, ...named } as const
    const input = requestInput.parse(JSON.parse(row.input))
    return { id, leaseId, userId, username, input, attempt, createdAt, started, events: started ? [event] : [] }
  })
}

const claimed = statement<{ [Name in keyof Wanted]: Wanted[Name] }, ClaimedRow>((db, slot) => ({
  compile: () =>
    sql<ClaimedRow>`
    with next as (
      select requests.id, priority, turn, coalesce("user"."displayUsername", "user".username, '') as user_name
      from requests join "user" on "user".id = requests.user_id
      where space_id = ${slot('spaceId')} and status = 'queued' and lease_id is null
      order by priority desc, turn, requests.id limit ${limitOf(slot('most'))} for update of requests skip locked
    ), placed as (
      select id, user_name, row_number() over (order by priority desc, turn, id) as place from next
    ), begun as (
      select id, user_name, place, place <= ${slot('start')} as started from placed
    ), changed as (
      update requests set
        lease_id = gen_random_uuid()::text, connection_id = ${slot('connectionId')}, node_id = ${slot('node')},
        instance = ${slot('instance')}, app = ${slot('app')}, renews = ${slot('renews')},
        status = case when started then 'processing' else status end,
        attempt = attempt + started::integer, last_seq = last_seq + started::integer,
        started_at = case when started then ${slot('at')}::bigint else started_at end,
        deadline_at = case when started then ${slot('deadlineAt')}::bigint else deadline_at end,
        progress = case when started then null else progress end,
        output_chars = case when started then 0 else output_chars end,
        handed_at = case when started then handed_at else ${slot('at')}::bigint end
      from begun where requests.id = begun.id
      returning requests.id, lease_id, user_id, user_name, input, attempt, last_seq, created_at, started, place
    ), logged as (
      insert into request_events (request_id, seq, type, data, at)
      select id, last_seq, 'status', '{"status":"processing","attempt":' || attempt || ${slot('ending')}::text, ${slot('at')}::bigint
      from changed where started and (attempt > 1 or last_seq > ${sql.lit(START)})
    )
    select id, lease_id, user_id, user_name, input, attempt, last_seq, created_at, started from changed order by place`.compile(db),
}))
