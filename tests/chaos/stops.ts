/** L5, 3.6: an app that works on what is no longer wanted is told to stop. */
import { answerTo } from './answer.ts'
import { isOver, type Stored } from './stored.ts'
import type { Violation } from './violation.ts'

export interface StopWitness {
  /** Requests that apps worked on to the end. */
  readonly whole: ReadonlySet<string>
  /** Requests that apps still work on when all is over. */
  readonly open: readonly string[]
}

/**
 * Whether each app was told cannot be seen from outside: it may have been done before the word came, or have died. Seen is
 * one that went on to the end with what takes longer than any trouble, or is still at something that is over.
 */
export function stopViolations(stored: readonly Stored[], { whole, open }: StopWitness): Violation[] {
  return stored.flatMap((request): Violation[] => {
    const { id, prompt, status } = request
    if (answerTo(prompt).endless && whole.has(id))
      return [{ kind: 'not stopped', id, what: 'its app was never told, and went on to the end' }]
    if (isOver(request) && open.includes(id)) return [{ kind: 'not stopped', id, what: `${status}, and an app is still at it` }]
    return []
  })
}
