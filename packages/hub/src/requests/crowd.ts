import { SpacesError } from '@websocket-spaces/protocol'

/** How many do the same thing at the same time, for each `Key`. */
export class Crowd<Key extends WeakKey> {
  readonly #most: number
  readonly #inside = new WeakMap<Key, number>()

  constructor(most: number) {
    this.#most = most
  }

  has(key: Key): boolean {
    return (this.#inside.get(key) ?? 0) > 0
  }

  /** One more, until this is disposed of. Throws `rate_limited` when there are too many. */
  enter(key: Key): Disposable {
    const count = this.#inside.get(key) ?? 0
    if (count >= this.#most) throw new SpacesError('rate_limited', { wait: 1 })
    this.#inside.set(key, count + 1)
    return { [Symbol.dispose]: () => void this.#inside.set(key, (this.#inside.get(key) ?? 1) - 1) }
  }
}
