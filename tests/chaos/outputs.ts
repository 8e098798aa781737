/** A9, A15: what an app streamed is stored once, in order, whole. */
import { answerTo } from './answer.ts'
import type { Wish } from './ledger.ts'
import { isStart } from './starts.ts'
import type { Stored, StoredEvent } from './stored.ts'
import type { Violation } from './violation.ts'

/**
 * The last attempt of a request that was answered has exactly the known output. Every other attempt was cut short and has a
 * beginning of it. Of the rules that allow less, none applies: outputs are far below `output_full` (A12), and an app that
 * answers from memory (A8) is one on our SDK, which says everything again. Apps of the older kind stream nothing at all.
 */
export function* outputViolations({ id, events, status, error }: Stored, { prompt, app }: Wish): Generator<Violation, void> {
  const whole = app === 'old' ? '' : answerTo(prompt).pieces.join('')
  const attempts = attemptsOf(events)
  const isAnswered = status === 'completed' || error?.code === 'app_failed'
  for (const [index, said] of attempts.entries()) {
    const isLast = index === attempts.length - 1
    const isRight = isLast && isAnswered ? said === whole : whole.startsWith(said)
    if (!isRight) yield { kind: 'wrong output', id, what: `attempt ${index} streamed "${said}" of "${whole}"` }
  }
}

/** The joined output of each attempt; the first is of none, before the first start. */
function attemptsOf(events: readonly StoredEvent[]): string[] {
  const attempts = ['']
  for (const event of events) {
    if (isStart(event)) attempts.push('')
    if (event.type === 'output') attempts.push(`${attempts.pop() ?? ''}${String(event.data['text'])}`)
  }
  return attempts
}
