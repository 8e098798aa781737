import { type FollowItem, type RequestEvent, type RequestId, SpacesError } from '@websocket-spaces/protocol'
import type { Bus, RequestStore } from './ports.ts'

const PAGE = 500
/** Live items kept for a follower that reads slower than they come; past that it reads the store instead. */
const BUFFERED = 1_000
/** A follower looks into the store this often, in case the bus lost a message. Milliseconds. */
const LOOK_EVERY = 10_000

export interface FollowDeps {
  readonly store: Pick<RequestStore, 'events' | 'find'>
  readonly bus: Bus
}

/**
 * A request's events after number `after`, then live ones: no gap, no duplicate. Ends after the
 * `result` event or when `signal` aborts. Positions come in between while the request waits.
 * Throws `not_found` when the request is removed meanwhile.
 */
export async function* follow(deps: FollowDeps, id: RequestId, after: number, signal: AbortSignal): AsyncGenerator<FollowItem> {
  // Subscribed before the first read, so that nothing falls between the two.
  using inbox = new Inbox(deps.bus, id, signal)
  let seen = after
  let looked = -1
  while (!signal.aborted) {
    // Twice at the same place: its log may be gone, and its result with it.
    if (looked === seen && (await deps.store.find(id)) === null) throw new SpacesError('not_found')
    looked = seen
    for await (const event of stored(deps.store, id, seen)) {
      seen = event.seq
      yield event
      if (event.type === 'result') return
    }
    while (!signal.aborted) {
      const batch = await inbox.next()
      // Lost count: the store knows.
      if (batch === 'look') break
      let gap = false
      for (const item of batch) {
        if (item.type === 'position') {
          yield item
          continue
        }
        if (item.seq <= seen) continue
        gap = item.seq !== seen + 1
        if (gap) break
        seen = item.seq
        yield item
        if (item.type === 'result') return
      }
      if (gap) break
    }
  }
}

async function* stored(store: FollowDeps['store'], id: RequestId, after: number): AsyncGenerator<RequestEvent> {
  for (let seen = after; ;) {
    const page = await store.events(id, seen, PAGE)
    yield* page
    seen = page.at(-1)?.seq ?? seen
    if (page.length < PAGE) return
  }
}

/** What the bus brought since last asked; bounded. */
class Inbox implements Disposable {
  #items: FollowItem[] = []
  #overflown = false
  #wake: (() => void) | undefined
  readonly #stop: () => void

  constructor(bus: Bus, id: RequestId, signal: AbortSignal) {
    const unsubscribe = bus.subscribe(`request:${id}`, ({ item }) => this.#push(item))
    const onAbort = (): void => this.#wake?.()
    signal.addEventListener('abort', onAbort)
    this.#stop = () => {
      unsubscribe()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Waits for something; `look` = read the store, because items were dropped or none came for long. */
  async next(): Promise<readonly FollowItem[] | 'look'> {
    if (this.#items.length === 0 && !this.#overflown) await this.#sleep()
    const items = this.#items
    const overflown = this.#overflown
    this.#items = []
    this.#overflown = false
    return overflown || items.length === 0 ? 'look' : items
  }

  [Symbol.dispose](): void {
    this.#stop()
  }

  #push(item: FollowItem): void {
    if (this.#items.length >= BUFFERED) {
      this.#items = []
      this.#overflown = true
    }
    this.#items.push(item)
    this.#wake?.()
  }

  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LOOK_EVERY)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }
}
