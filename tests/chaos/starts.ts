/**
 * When requests waited and when they were started, as far as that can be proven.
 *
 * Events are stamped before they are committed, and several nodes claim at the same time, so that two stamps close to each
 * other say nothing. Proven is: a request waits from when somebody was told so (`from`, after the commit) until its next
 * start is stamped (`until`, before its claim); and a claim lies between the stamp of its start and that of the first thing
 * that only its holder, or whoever saw the claim, can have made happen.
 */
import type { Transcript, Wish } from './ledger.ts'
import type { Stored, StoredEvent } from './stored.ts'

/** Milliseconds since 1970, both. */
export interface Span {
  readonly from: number
  readonly to: number
}

export interface Start {
  readonly of: Asked
  readonly isFirst: boolean
  /** The claim lies in between; infinite where its end is not proven. Milliseconds since 1970. */
  readonly startedAt: number
  readonly claimedBy: number
}

export interface Wait {
  readonly of: Asked
  readonly after: 'acceptance' | 'loss'
  readonly from: number
  readonly until: number
}

export interface Asked {
  readonly id: string
  readonly wish: Wish
  readonly starts: readonly Start[]
  readonly waits: readonly Wait[]
}

/** Of requests whose apps take no more than they run: what an app has in a queue of its own was claimed long before its start. */
export function askedOf(wishes: readonly Wish[], byId: ReadonlyMap<string, Stored>, transcripts: readonly Transcript[]): readonly Asked[] {
  const heard = Map.groupBy(transcripts, ({ id }) => id)
  return wishes.flatMap((wish) => {
    const [id] = wish.ids
    const request = id === undefined ? undefined : byId.get(id)
    return request === undefined || wish.app === 'old' ? [] : [asked(wish, request, heard.get(request.id) ?? [])]
  })
}

/** Whether a claim fell wholly outside of these times. */
export function isOutside({ startedAt, claimedBy }: Start, spans: readonly Span[]): boolean {
  return spans.every(({ from, to }) => claimedBy < from || startedAt > to)
}

export function isStart({ type, data }: StoredEvent): boolean {
  return type === 'status' && data['status'] === 'processing'
}

/** It waits again. */
export function isReturn({ type, data, seq }: StoredEvent): boolean {
  return type === 'status' && data['status'] === 'queued' && seq > 1
}

function asked(wish: Wish, { id, events }: Stored, heard: readonly Transcript[]): Asked {
  const starts: Start[] = []
  const waits: Wait[] = []
  const made: Asked = { id, wish, starts, waits }
  let wait: Pick<Wait, 'from' | 'after'> = { from: wish.acceptedAt ?? Infinity, after: 'acceptance' }
  for (const [index, event] of events.entries()) {
    if (isReturn(event)) wait = { from: knownAt(event, heard), after: 'loss' }
    if (!isStart(event)) continue
    waits.push({ of: made, until: event.at, ...wait })
    starts.push({ of: made, isFirst: starts.length === 0, startedAt: event.at, claimedBy: claimedBy(events.slice(index + 1)) })
  }
  return made
}

/** When the first follower was told. */
function knownAt({ seq }: StoredEvent, heard: readonly Transcript[]): number {
  return Math.min(...heard.map(({ events, heardAt }) => heardAt[events.findIndex((event) => event.seq === seq)] ?? Infinity))
}

/** A report of its app, or the end of the lease. Not a cancel: its stamp may be older than the claim that it found. */
function claimedBy(later: readonly StoredEvent[]): number {
  return later.find((event) => event.type === 'output' || event.type === 'progress' || isReturn(event))?.at ?? Infinity
}
