/**
 * L1 and L4: nobody is handed over before somebody who waits in front of them.
 *
 * In front of a request are, in its space: the more urgent; of the equally urgent those that the same user submitted before;
 * and whatever was lost after a start that came before this one was even asked for. What cannot be is that one of them
 * waited all the while in which this one was claimed, see `starts.ts`.
 */
import { PRIORITIES } from '@websocket-spaces/protocol'
import { type Asked, isOutside, type Span, type Start, type Wait } from './starts.ts'
import type { Violation } from './violation.ts'

/** @param blind times in which a claim may have found rows locked by a hub that hangs, and passed them over */
export function orderViolations(asked: readonly Asked[], blind: readonly Span[]): Violation[] {
  const spaces = Map.groupBy(asked, ({ wish }) => wish.spaceId)
  return [...spaces.values()].flatMap((all) => {
    const starts = all.flatMap((one) => one.starts).filter((start) => Number.isFinite(start.claimedBy) && isOutside(start, blind))
    return all.flatMap(({ waits }) => waits.flatMap((wait) => overtaken(wait, starts)))
  })
}

function overtaken(wait: Wait, starts: readonly Start[]): Violation[] {
  const start = starts.find((one) => wait.from < one.startedAt && one.claimedBy < wait.until && one.of !== wait.of && isInFront(wait, one))
  if (start === undefined) return []
  const what = `was started while ${wait.of.id}, which comes first, waited since its ${wait.after}`
  return [{ kind: wait.after === 'loss' ? 'not next again' : 'order', id: start.of.id, what }]
}

function isInFront({ of: waiting, after }: Wait, { of: started }: Start): boolean {
  const [one, other] = [waiting.wish, started.wish]
  if (one.priority !== other.priority) return PRIORITIES.indexOf(one.priority) > PRIORITIES.indexOf(other.priority)
  const [first] = waiting.starts
  if (after === 'loss' && first !== undefined && first.startedAt < other.askedAt) return true
  return one.user === other.user && one.acceptedAt !== null && one.acceptedAt < other.askedAt
}
