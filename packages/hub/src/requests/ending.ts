import type { RequestId } from '@websocket-spaces/protocol'
import type { Bus, StoredRequest } from './ports.ts'

/** After this long (milliseconds) without a word the store is asked, in case the bus lost one. */
const LOOK_AFTER = 10_000

/** Hears of one request's end. To be made before the request is, so that nothing falls in between. */
export class Ending implements Disposable {
  /** The finished request; null when the store has to be asked: the bus did not carry it, nothing came for long, or `signal` aborted. */
  readonly reached: Promise<StoredRequest | null>
  readonly #signal: AbortSignal
  readonly #unsubscribe: () => void
  readonly #timer: NodeJS.Timeout
  readonly #onAbort: () => void

  constructor(bus: Bus, id: RequestId, signal: AbortSignal) {
    const { promise, resolve } = Promise.withResolvers<StoredRequest | null>()
    this.reached = promise
    this.#signal = signal
    this.#onAbort = () => resolve(null)
    this.#unsubscribe = bus.subscribe(`request:${id}`, ({ item, request }) => {
      if (item.type === 'result') resolve(request ?? null)
    })
    this.#timer = setTimeout(this.#onAbort, LOOK_AFTER)
    signal.addEventListener('abort', this.#onAbort)
  }

  [Symbol.dispose](): void {
    this.#unsubscribe()
    clearTimeout(this.#timer)
    this.#signal.removeEventListener('abort', this.#onAbort)
  }
}
