import { setTimeout as sleep } from 'node:timers/promises'
import { followEndedPush, LIVE_CALLS, LIVE_EVENTS, LIVE_PATH, liveAck, requestEventPush } from '@websocket-spaces/protocol'
import { io, type Socket } from 'socket.io-client'
import { hasEnded, lastSeq, note, type Transcript } from './ledger.ts'
import type { User } from './stage.ts'

/** Milliseconds. */
const ACK_WITHIN = 5_000
const PAUSE = 200

interface Following {
  readonly transcript: Transcript
  readonly end: PromiseWithResolvers<void>
}

/** A browser tab's way: one socket for all requests of a user, which asks again for each of them whenever it is new. */
export class LiveFollower implements Disposable {
  readonly #socket: Socket
  /** Kept past its end, so that something that comes after it is noticed. */
  readonly #all = new Map<string, Following>()

  constructor({ host, key }: User) {
    this.#socket = io(host, {
      path: LIVE_PATH,
      transports: ['websocket'],
      forceNew: true,
      extraHeaders: { authorization: `Bearer ${key}` },
      reconnectionDelay: PAUSE,
      reconnectionDelayMax: 1_000,
      timeout: ACK_WITHIN,
    })
    this.#socket.on('connect', () => {
      for (const id of this.#all.keys()) void this.#ask(id)
    })
    this.#socket.on('disconnect', () => {
      for (const { transcript } of this.#all.values()) if (!hasEnded(transcript)) transcript.breaks += 1
    })
    this.#socket.on(LIVE_EVENTS.requestEvent, (message: unknown) => this.#take(message))
    this.#socket.on(LIVE_EVENTS.followEnded, (message: unknown) => {
      const { request_id } = followEndedPush.parse(message)
      void sleep(PAUSE).then(() => this.#ask(request_id))
    })
  }

  /** Resolves with the result. */
  async follow(transcript: Transcript, giveUp: AbortSignal): Promise<void> {
    const end = Promise.withResolvers<void>()
    const stop = (): void => end.reject(giveUp.reason)
    giveUp.addEventListener('abort', stop, { once: true })
    this.#all.set(transcript.id, { transcript, end })
    if (this.#socket.connected) void this.#ask(transcript.id)
    try {
      await end.promise
    } finally {
      giveUp.removeEventListener('abort', stop)
    }
  }

  [Symbol.dispose](): void {
    this.#socket.disconnect()
  }

  #take(message: unknown): void {
    const { request_id, item } = requestEventPush.parse(message)
    const following = this.#all.get(request_id)
    if (following === undefined || item.type === 'position') return
    if (note(following.transcript, item)) following.end.resolve()
  }

  /** Once for each socket: asked twice on one, what is under way of the first answer would come again. */
  async #ask(id: string): Promise<void> {
    const following = this.#all.get(id)
    if (following === undefined || hasEnded(following.transcript) || !this.#socket.connected) return
    const socketId = this.#socket.id
    try {
      const call = { request_id: id, after: lastSeq(following.transcript) }
      const answer = liveAck.parse(await this.#socket.timeout(ACK_WITHIN).emitWithAck(LIVE_CALLS.follow, call))
      if (answer.ok) return
    } catch {
      // No answer in time: this socket is not worth keeping. Another asks anew.
      if (this.#socket.id === socketId) this.#socket.io.engine.close()
      return
    }
    await sleep(PAUSE)
    if (this.#socket.id === socketId) await this.#ask(id)
  }
}
