import { SpacesError } from '@websocket-spaces/protocol'

/** How many do the same thing at the same time, for each `Key`. */
export class Crowd<Key> {
  readonly #most: number
  readonly #inside = new Map<Key, number>()

  constructor(most: number) {
    this.#most = most
  }

  has(key: Key): boolean {
    return this.#inside.has(key)
  }

  /** One more, until this is disposed of, once. Throws `rate_limited` when there are too many. */
  enter(key: Key): Disposable {
    const count = this.#inside.get(key) ?? 0
    if (count >= this.#most) throw new SpacesError('rate_limited', { wait: 1 })
    this.#inside.set(key, count + 1)
    return new Place(this.#inside, key)
  }
}

class Place<Key> implements Disposable {
  readonly #inside: Map<Key, number>
  readonly #key: Key

  constructor(inside: Map<Key, number>, key: Key) {
    this.#inside = inside
    this.#key = key
  }

  [Symbol.dispose](): void {
    const left = (this.#inside.get(this.#key) ?? 1) - 1
    if (left > 0) this.#inside.set(this.#key, left)
    else this.#inside.delete(this.#key)
  }
}
