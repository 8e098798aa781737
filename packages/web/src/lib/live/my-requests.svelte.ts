/** A list of the signed-in user's requests that keeps itself up to date. */
import { LIVE_EVENTS, isFinished, myRequestPush } from '@websocket-spaces/protocol'
import type { MyRequestPush, RequestId, RequestView, SpaceId } from '@websocket-spaces/protocol'
import { fetchRequest, listMyRequests } from '#lib/api/requests.ts'
import { listen } from './socket.svelte.ts'

/** Pushes come in bursts; what they name within this time is fetched together. */
const COLLECT_MS = 250

export class MyRequests {
  items = $state.raw<readonly RequestView[]>([])
  readonly #spaceId: SpaceId | undefined
  readonly #limit: number
  readonly #dispose: () => void
  readonly #wanted = new Set<RequestId>()
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Only those on `spaceId`, when given; at most `limit`, the newest. */
  constructor(limit: number, spaceId?: SpaceId) {
    this.#limit = limit
    this.#spaceId = spaceId
    this.#dispose = listen(LIVE_EVENTS.myRequest, myRequestPush, (push) => this.#take(push))
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#dispose()
  }

  /** Adds or replaces requests; the newest come first. */
  merge(requests: readonly RequestView[]): void {
    const byId = new Map(this.items.map((item) => [item.id, item]))
    for (const request of requests) byId.set(request.id, newer(byId.get(request.id), request))
    this.items = [...byId.values()].toSorted((a, b) => (a.id < b.id ? 1 : -1)).slice(0, this.#limit)
  }

  #take(push: MyRequestPush): void {
    if (this.#spaceId !== undefined && push.space_id !== this.#spaceId) return
    const known = this.items.find((item) => item.id === push.request_id)
    if (known && !isFinished(push.status)) this.merge([{ ...known, status: push.status }])
    else this.#want(push.request_id)
  }

  #want(id: RequestId): void {
    this.#wanted.add(id)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      const ids = new Set(this.#wanted)
      this.#wanted.clear()
      void this.#fetch(ids)
    }, COLLECT_MS)
  }

  async #fetch(ids: Set<RequestId>): Promise<void> {
    try {
      const [only] = ids
      if (ids.size === 1 && only !== undefined) this.merge([await fetchRequest(only)])
      else await this.#find(ids)
    } catch {
      // The next push or the next visit brings it; a missing row is not worth an error.
    }
  }

  /** Reads the list, newest first, as far back as the oldest of these. */
  async #find(ids: Set<RequestId>): Promise<void> {
    let cursor: string | undefined
    let seen = 0
    while (seen < this.#limit) {
      const { requests, next } = await listMyRequests(cursor)
      this.merge(requests.filter(({ id }) => ids.delete(id)))
      const oldest = requests.at(-1)?.id ?? ''
      if (next === null || [...ids].every((id) => id > oldest)) return
      cursor = next
      seen += requests.length
    }
  }
}

/** A fetch that was answered before a push must not take a finished request back. */
function newer(known: RequestView | undefined, next: RequestView): RequestView {
  return known && isFinished(known.status) && !isFinished(next.status) ? known : next
}
