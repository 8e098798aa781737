/**
 * L1 among users: while somebody waits who is not served, nobody else is served more often than twice, once in the round
 * under way and once in the next. (What is started again after a loss counts for nothing.)
 *
 * One who takes back a request that waited leaves a round empty, for which another may be served once more.
 */
import { type Asked, isOutside, type Span, type Start } from './starts.ts'
import type { Violation } from './violation.ts'

const ROUNDS = 2

export function fairnessViolations(asked: readonly Asked[], blind: readonly Span[]): Violation[] {
  const lanes = Map.groupBy(asked, ({ wish }) => `${wish.spaceId} ${wish.priority}`)
  return [...lanes.values()].flatMap((lane) => {
    const firsts = lane.flatMap(({ starts }) => starts[0] ?? [])
    const byUser = Map.groupBy(firsts, ({ of }) => of.wish.user)
    return firsts.flatMap((start) => servedInVain(start, byUser, rounds(start, lane), blind))
  })
}

function servedInVain(
  { of: waiting, startedAt }: Start,
  byUser: ReadonlyMap<string, readonly Start[]>,
  most: number,
  blind: readonly Span[],
): Violation[] {
  const { user, acceptedAt } = waiting.wish
  const earlier = (byUser.get(user) ?? []).filter((one) => one.of !== waiting && one.startedAt <= startedAt)
  const from = Math.max(acceptedAt ?? Infinity, ...earlier.map(({ claimedBy }) => claimedBy))
  return [...byUser].flatMap(([other, starts]): Violation[] => {
    if (other === user) return []
    const served = starts.filter((one) => one.startedAt > from && one.claimedBy < startedAt && isOutside(one, blind))
    if (served.length <= most) return []
    return [{ kind: 'unfair', id: waiting.id, what: `${user} waited while ${other} was served ${served.length} times` }]
  })
}

/** Two, and one for each request of the same user that may have had a place between this one and the one served before. */
function rounds({ of: waiting, startedAt }: Start, lane: readonly Asked[]): number {
  const own = lane.filter(({ wish }) => wish.user === waiting.wish.user)
  const before = own.filter((one) => one !== waiting && (one.starts[0]?.startedAt ?? Infinity) <= startedAt)
  const servedLast = Math.max(-Infinity, ...before.map(({ wish }) => wish.askedAt))
  const gone = own.filter(
    ({ wish, starts }) =>
      starts.length === 0 && (wish.acceptedAt ?? Infinity) >= servedLast && wish.askedAt <= (waiting.wish.acceptedAt ?? 0),
  )
  return ROUNDS + gone.length
}
