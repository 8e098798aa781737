/** P2, A11: the known answer, or an end with a reason that the log bears out. */
import { LIMITS } from '@websocket-spaces/protocol'
import { answerTo } from './answer.ts'
import type { Wish } from './ledger.ts'
import type { Stored } from './stored.ts'
import type { Violation } from './violation.ts'

/** Losses after which a request fails with `app_lost`; PROTOCOL.md's `maxAttempts`. */
const MOST_LOSSES = 3

/** Of one that is finished. */
export function* outcomeViolations(request: Stored, wish: Wish): Generator<Violation, void> {
  const { id } = request
  if (request.prompt !== wish.prompt) yield { kind: 'wrong answer', id, what: `asked ${wish.prompt}, stored ${request.prompt}` }
  const wrong = wrongOutcome(request, wish)
  if (wrong !== null) yield wrong
  const said = wish.answer
  if (said !== null && (said.status !== request.status || said.result?.['text_output'] !== request.result?.['text_output']))
    yield { kind: 'wrong answer', id, what: `the submit was told ${said.status}, stored is ${request.status}` }
}

function wrongOutcome(request: Stored, wish: Wish): Violation | null {
  const { id, status, error, result } = request
  const known = answerTo(wish.prompt)
  const unfounded = (what: string): Violation => ({ kind: 'unfounded outcome', id, what })
  if (status === 'canceled') return wrongCancel(request, wish)
  if (wish.cancel === 'granted') return unfounded(`the hub said it was canceled, and it is ${status}`)
  if (status === 'failed' && error?.code === 'app_lost') {
    const lost = request.events.filter(({ data }) => data['reason'] === 'app_lost').length + 1
    return lost < MOST_LOSSES && request.attempt < LIMITS.mostAttempts ? unfounded(`app_lost after ${lost} losses`) : null
  }
  if (status === 'failed' && !(known.fails && error?.code === 'app_failed'))
    return unfounded(`failed with ${error?.code}: ${error?.message}`)
  const text = status === 'failed' ? error?.message : result?.['text_output']
  if (known.fails !== (status === 'failed') || text !== known.text)
    return { kind: 'wrong answer', id, what: `${status} with ${String(text)}` }
  return null
}

/** L5: somebody asked for it, and nothing is left of what its app may have said since. */
function wrongCancel({ id, result, error }: Stored, wish: Wish): Violation | null {
  if (wish.cancel === 'no') return { kind: 'unfounded outcome', id, what: 'canceled, but nobody asked for it' }
  if (result !== null || error !== null) return { kind: 'wrong answer', id, what: 'canceled, but with a result or an error' }
  return null
}
