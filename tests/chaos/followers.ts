/** Followers that come back after every fault and write down exactly what came: the SDK's own, and two that filter nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { HubUnreachable } from '@websocket-spaces/client'
import { followItem } from '@websocket-spaces/protocol'
import { hasEnded, lastSeq, type Ledger, note, type Transcript, type Via } from './ledger.ts'
import { LiveFollower } from './live-follower.ts'
import type { Target } from './schedule.ts'
import type { User } from './stage.ts'

/** Milliseconds. The hub sends at least a comment every 15 s. */
const SILENCE = 20_000
const PAUSE = 200
/** Hundreds that knock without rest would keep a hub from coming up. */
const LONGEST_PAUSE = 3_200

export class Followers implements Disposable {
  readonly #ledger: Ledger
  readonly #giveUp: AbortSignal
  readonly #live = new Map<Target, LiveFollower>()

  constructor(ledger: Ledger, giveUp: AbortSignal) {
    this.#ledger = ledger
    this.#giveUp = giveUp
  }

  /** Resolves when the follower has seen the end. */
  async follow(user: User, id: string, via: Via): Promise<void> {
    const transcript = this.#ledger.transcript(id, via)
    if (via === 'live') return this.#liveOf(user).follow(transcript, this.#giveUp)
    if (via === 'sse') return followStream(user, transcript, this.#giveUp)
    return followBySdk(user, transcript, this.#giveUp)
  }

  [Symbol.dispose](): void {
    for (const follower of this.#live.values()) follower[Symbol.dispose]()
  }

  #liveOf(user: User): LiveFollower {
    const follower = this.#live.get(user.name) ?? new LiveFollower(user)
    this.#live.set(user.name, follower)
    return follower
  }
}

/** It gives up when the hub was away for long; then it is begun anew. */
async function followBySdk({ client }: User, transcript: Transcript, giveUp: AbortSignal): Promise<void> {
  for (;;) {
    try {
      for await (const item of client.follow(transcript.id, { after: lastSeq(transcript), signal: giveUp }))
        if (item.type !== 'position') note(transcript, item)
      return
    } catch (error) {
      if (!(error instanceof HubUnreachable)) throw error
      transcript.breaks += 1
    }
  }
}

/** Server-sent events, as any program may read them: after a break, from `Last-Event-ID` on. */
async function followStream(user: User, transcript: Transcript, giveUp: AbortSignal): Promise<void> {
  for (let pause = PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    giveUp.throwIfAborted()
    const seen = lastSeq(transcript)
    try {
      await readStream(user, transcript, giveUp)
    } catch (error) {
      if (error instanceof Refused) throw error
    }
    if (hasEnded(transcript)) return
    transcript.breaks += 1
    if (lastSeq(transcript) > seen) pause = PAUSE
    await sleep(pause, undefined, { signal: giveUp })
  }
}

class Refused extends Error {}

async function readStream(user: User, transcript: Transcript, giveUp: AbortSignal): Promise<void> {
  const silent = new AbortController()
  const timer = setTimeout(() => silent.abort(), SILENCE)
  const seen = lastSeq(transcript)
  try {
    const response = await fetch(`${user.host}/api/v1/requests/${transcript.id}/events`, {
      headers: {
        accept: 'text/event-stream',
        authorization: `Bearer ${user.key}`,
        ...(seen === 0 ? {} : { 'last-event-id': String(seen) }),
      },
      signal: AbortSignal.any([giveUp, silent.signal]),
    })
    if (!response.ok || response.body === null || response.status === 204) {
      const text = await response.text()
      if (response.status < 500)
        throw new Refused(`the stream of ${transcript.id} after ${seen} was answered with ${response.status} ${text}`)
      return
    }
    for await (const line of linesOf(response.body)) {
      timer.refresh()
      if (!line.startsWith('data: ')) continue
      const item = followItem.parse(JSON.parse(line.slice('data: '.length)))
      if (item.type !== 'position' && note(transcript, item)) return
    }
  } finally {
    clearTimeout(timer)
    silent.abort()
  }
}

async function* linesOf(body: NonNullable<Response['body']>): AsyncGenerator<string> {
  let rest = ''
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}
