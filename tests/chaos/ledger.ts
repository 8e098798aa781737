/** What people and their programs saw: the side of the accounting that the hub has no hand in. */
import type { Priority, RequestEvent, RequestView, SpaceId } from '@websocket-spaces/protocol'
import type { Target } from './schedule.ts'

/**
 * `sdk`: an app that streams its output and takes no more than it runs. `old`: one of the older kind, with a queue of its
 * own and nothing to say but results.
 */
export type AppKind = 'sdk' | 'old'

/** One thing somebody wants, under one `Idempotency-Key`; submitted until there is an answer. */
export interface Wish {
  readonly key: string
  readonly prompt: string
  readonly user: Target
  readonly spaceId: SpaceId
  readonly app: AppKind
  readonly priority: Priority
  /** Milliseconds since 1970; before the first submit left. */
  readonly askedAt: number
  /** Ids the hub gave for it: more than one is an error. */
  readonly ids: Set<string>
  /** Milliseconds since 1970; null while there is no answer. */
  acceptedAt: number | null
  /** How often it was submitted again after a lost answer. */
  retries: number
  /** How often it was submitted again though the answer was there. */
  repeats: number
  /** `asked`: the answer was lost or says that it was finished already. `granted`: the hub said yes. */
  cancel: 'no' | 'asked' | 'granted'
  /** What the submit itself answered, where it waited for the end. */
  answer: RequestView | null
}

export type Via = 'sse' | 'live' | 'sdk'

/** What one follower saw of one request. */
export interface Transcript {
  readonly id: string
  readonly via: Via
  readonly events: RequestEvent[]
  /** When each of them came, milliseconds since 1970: by then it had been committed. */
  readonly heardAt: number[]
  gaps: number
  duplicates: number
  /** How often the stream broke off before its end. */
  breaks: number
}

export class Ledger {
  readonly wishes: Wish[] = []
  readonly transcripts: Transcript[] = []
  #lastAnswerAt = performance.now()
  #longestSilence = 0
  #accepted = 0

  add(wish: Pick<Wish, 'key' | 'prompt' | 'user' | 'spaceId' | 'app' | 'priority'>): Wish {
    const none = { acceptedAt: null, retries: 0, repeats: 0, cancel: 'no', answer: null } as const
    const made: Wish = { ...wish, ...none, askedAt: Date.now(), ids: new Set() }
    this.wishes.push(made)
    return made
  }

  /** The hub said "accepted". */
  accepted(wish: Wish, id: string): void {
    const now = performance.now()
    wish.ids.add(id)
    if (wish.acceptedAt === null) this.#accepted += 1
    wish.acceptedAt ??= Date.now()
    this.#longestSilence = Math.max(this.#longestSilence, now - this.#lastAnswerAt)
    this.#lastAnswerAt = now
  }

  get acceptedCount(): number {
    return this.#accepted
  }

  /** Longest time in which nothing was accepted though people tried. Milliseconds. */
  get longestOutage(): number {
    return this.#longestSilence
  }

  transcript(id: string, via: Via): Transcript {
    const made: Transcript = { id, via, events: [], heardAt: [], gaps: 0, duplicates: 0, breaks: 0 }
    this.transcripts.push(made)
    return made
  }
}

/** Notes an event as it came. Returns whether it was the last. */
export function note(transcript: Transcript, event: RequestEvent): boolean {
  const expected = lastSeq(transcript) + 1
  if (event.seq > expected) transcript.gaps += 1
  if (event.seq < expected) transcript.duplicates += 1
  else {
    transcript.events.push(event)
    transcript.heardAt.push(Date.now())
  }
  return event.type === 'result'
}

/** From where a follower that lost its stream goes on. */
export function lastSeq({ events }: Transcript): number {
  return events.at(-1)?.seq ?? 0
}

export function hasEnded({ events }: Transcript): boolean {
  return events.at(-1)?.type === 'result'
}
