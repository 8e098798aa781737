import type { TroubleSpan } from './faults.ts'
import type { Plan } from './schedule.ts'
import type { Span } from './starts.ts'

/** Milliseconds in which PostgreSQL has noticed that a hub is gone, or has heard the rest of what it said. */
const NOTICED = 1_000

/**
 * Times in which the order of claims proves nothing. On PostgreSQL claims pass over rows that another transaction has locked,
 * and that of a hub that hangs or dies in the middle of it may hold a request for a while that it then does not take. SQLite
 * has one writer: there, every claim sees all that waits.
 */
export function blindSpans({ database }: Plan, spans: readonly TroubleSpan[]): Span[] {
  if (database === 'sqlite') return []
  return spans.flatMap(({ target, kind, from, to }): Span[] => {
    if (target.startsWith('hub')) return [{ from, to: (kind === 'kill' ? from : to) + NOTICED }]
    if (target === 'postgres' || target === 'line of postgres') return [{ from, to: to + NOTICED }]
    return []
  })
}
