/**
 * Whose turn it is. The requests of a space and priority are served in rounds, in each at most one of every user: the
 * order is (turn, id), and a request's round is half its turn. A turn is given once, when a request is inserted, and
 * kept for good, so that what an app lost is next again.
 *
 * Even is the turn of the request that begins its round, odd that of all who join it later. So the next in line tells
 * how far the round is: if it is even, nobody has been served in it, and whoever comes may join. If it is odd, some have
 * been, perhaps this very user, and whoever comes is in the round after it. (Without this, two users who submit again
 * whenever they are served would keep a third one's second request waiting for ever.) What was started and lost says
 * nothing of that: its round is long over, and whoever joined it would overtake all who have waited since.
 *
 * Where nobody else waits, rounds go on from the time in the request's id, which is ahead of all turns given before: there
 * are more such steps in a millisecond than requests made.
 */
import { sql } from 'kysely'
import type { RequestId, SpaceId, UserId } from '@websocket-spaces/protocol'
import type { NewRequest } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { statement } from '../statement.ts'
import { priorityNumber } from './rows.ts'

/** 2026-01-01; turns stay exact in a double until 2060. */
const EPOCH = Date.UTC(2026, 0)
/** Ids that a millisecond has room for, two turns each. */
const TURNS_PER_MS = 2 * 0x1000

/** The turn of a request about to be inserted. Submits to one space must not do this at the same time. */
export async function nextTurn(db: Database, { id, spaceId, userId, priority }: Omit<NewRequest, 'input' | 'createdAt'>): Promise<number> {
  const [line] = await lineOf(db, { spaceId, userId, priority: priorityNumber(priority) })
  if (line === undefined) return turnOfId(id)
  const open = line.next % 2 === 0 ? line.next : line.next + 1
  const own = line.own === null ? open : evenAt(line.own) + 2
  const round = Math.max(open, own)
  return round > line.last ? round : round + 1
}

function evenAt(turn: number): number {
  return turn - (turn % 2)
}

interface Line {
  /** Turns of the next and the last that wait for their first start. */
  readonly next: number
  readonly last: number
  /** Of this user's last that is not finished; null when there is none. */
  readonly own: number | null
}

/** Nothing when nobody waits for a first start: then this is one look-up. */
const lineOf = statement<{ spaceId: SpaceId; userId: UserId; priority: number }, Line>((db, slot) => {
  const lane = db.selectFrom('requests').where('space_id', '=', slot('spaceId')).where('priority', '=', slot('priority'))
  const claimable = lane.where('status', '=', sql.lit('queued')).where('lease_id', 'is', null).where('attempt', '=', sql.lit(0))
  const own = lane.where('user_id', '=', slot('userId')).where('finished_at', 'is', null)
  return claimable
    .select('turn as next')
    .select(sql<number>`(${claimable.select('turn').orderBy('turn', 'desc').orderBy('id', 'desc').limit(sql.lit(1))})`.as('last'))
    .select(own.select('turn').orderBy('turn', 'desc').limit(sql.lit(1)).as('own'))
    .orderBy('turn')
    .orderBy('id')
    .limit(sql.lit(1))
})

/** Where nobody waits: by the time and the counter that a UUIDv7 begins with. */
export function turnOfId(id: RequestId): number {
  const at = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
  const counter = Number.parseInt(id.slice(15, 18), 16)
  return (at - EPOCH) * TURNS_PER_MS + counter * 2
}
