/** V2: no follower missed an event, got one twice or saw another than the store has. */
import { isDeepStrictEqual } from 'node:util'
import type { RequestEvent } from '@websocket-spaces/protocol'
import type { Violation } from './violation.ts'
import { hasEnded, type Transcript } from './ledger.ts'
import { outcomeOf, type Stored, type StoredEvent } from './stored.ts'

export function transcriptViolations(transcripts: readonly Transcript[], byId: ReadonlyMap<string, Stored>): Violation[] {
  return transcripts.flatMap((transcript) => [...violationsOf(transcript, byId.get(transcript.id))])
}

function* violationsOf(transcript: Transcript, request: Stored | undefined): Generator<Violation> {
  const { id, via, events, gaps, duplicates } = transcript
  if (gaps > 0) yield { kind: 'follower gap', id, what: `${gaps} over ${via}` }
  if (duplicates > 0) yield { kind: 'follower duplicate', id, what: `${duplicates} over ${via}` }
  if (request === undefined) return
  const stored = request.events.map((event) => asTold(event, request))
  if (!hasEnded(transcript) || events.length !== stored.length)
    yield { kind: 'follower gap', id, what: `saw ${events.length} of ${stored.length} events over ${via}` }
  const other = events.find((event, index) => !isDeepStrictEqual(event, stored[index]))
  if (other !== undefined) yield { kind: 'follower differs', id, what: `over ${via}: ${JSON.stringify(other)}` }
}

function asTold({ seq, type, data, at }: StoredEvent, request: Stored): RequestEvent {
  const more = type === 'result' ? { outcome: outcomeOf(request) } : data
  return { seq, at: new Date(at).toISOString(), type, ...more } as RequestEvent
}
