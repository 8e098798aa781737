import type { RequestId } from '@websocket-spaces/protocol'
import type { Bus, StoredRequest } from './ports.ts'

/** After this long (milliseconds) without a word the store is asked, in case the bus lost one. */
const LOOK_AFTER = 10_000

/** Somebody who waits for something. */
export interface Waiter {
  /** Aborts when he goes. */
  readonly signal: AbortSignal
  /** Calls when he goes, or at once if he has. */
  whenGone(call: () => void): void
}

/** Hears of one request's end. To be made before the request is, so that nothing falls in between. */
export class Ending implements Disposable {
  /** The finished request; null when the store has to be asked: the bus did not carry it, nothing came for long, or the waiter is gone. */
  readonly reached: Promise<StoredRequest | null>
  readonly #unsubscribe: () => void
  readonly #timer: NodeJS.Timeout

  constructor(bus: Bus, id: RequestId, waiter: Pick<Waiter, 'whenGone'>) {
    const { promise, resolve } = Promise.withResolvers<StoredRequest | null>()
    const giveUp = (): void => resolve(null)
    this.reached = promise
    this.#unsubscribe = bus.subscribe(`request:${id}`, ({ item, request }) => {
      if (item.type === 'result') resolve(request ?? null)
    })
    this.#timer = setTimeout(giveUp, LOOK_AFTER)
    waiter.whenGone(giveUp)
  }

  [Symbol.dispose](): void {
    this.#unsubscribe()
    clearTimeout(this.#timer)
  }
}
