import type { ServerResponse } from 'node:http'
import type { Waiter } from '../requests/ending.ts'

/** Notices when the client goes away before its answer is complete, or after `within` milliseconds. */
export class Closed implements Waiter, Disposable {
  readonly #response: ServerResponse
  readonly #timer: NodeJS.Timeout | undefined
  readonly #listeners: (() => void)[] = []
  #isOver: boolean
  #abort: AbortController | undefined

  constructor(response: ServerResponse, within?: number) {
    this.#response = response
    this.#timer = within === undefined ? undefined : setTimeout(this.#onClose, within)
    response.once('close', this.#onClose)
    // It may have gone while the route was asking who it is.
    this.#isOver = response.destroyed
  }

  /** Made when it is first asked for: most requests are answered without. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#isOver) this.#abort.abort()
    return this.#abort.signal
  }

  whenGone(call: () => void): void {
    if (this.#isOver) call()
    else this.#listeners.push(call)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#response.off('close', this.#onClose)
  }

  readonly #onClose = (): void => {
    this.#isOver = true
    this.#abort?.abort()
    for (const call of this.#listeners.splice(0)) call()
  }
}
