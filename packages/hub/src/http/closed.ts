import type { ServerResponse } from 'node:http'

/** Notices when the client goes away before its answer is complete, or after `within` milliseconds. */
export class Closed implements Disposable {
  readonly #response: ServerResponse
  readonly #abort = new AbortController()
  readonly #onClose = (): void => this.#abort.abort()
  readonly #timer: NodeJS.Timeout | undefined

  constructor(response: ServerResponse, within?: number) {
    this.#response = response
    this.#timer = within === undefined ? undefined : setTimeout(this.#onClose, within)
    response.once('close', this.#onClose)
    // It may have gone while the route was asking who it is.
    if (response.destroyed) this.#abort.abort()
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#response.off('close', this.#onClose)
  }
}
