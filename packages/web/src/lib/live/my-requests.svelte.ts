/** A list of the signed-in user's requests that keeps itself up to date. */
import { LIVE_EVENTS, isFinished, myRequestPush } from '@websocket-spaces/protocol'
import type { MyRequestPush, RequestId, RequestView, SpaceId } from '@websocket-spaces/protocol'
import { fetchRequest } from '#lib/api/requests.ts'
import { listen } from './socket.svelte.ts'

export class MyRequests {
  items = $state.raw<readonly RequestView[]>([])
  readonly #spaceId: SpaceId | undefined
  readonly #limit: number
  readonly #dispose: () => void

  /** Only those on `spaceId`, when given; at most `limit`, the newest. */
  constructor(limit: number, spaceId?: SpaceId) {
    this.#limit = limit
    this.#spaceId = spaceId
    this.#dispose = listen(LIVE_EVENTS.myRequest, myRequestPush, (push) => this.#take(push))
  }

  stop(): void {
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
    else void this.#fetch(push.request_id)
  }

  async #fetch(id: RequestId): Promise<void> {
    try {
      this.merge([await fetchRequest(id)])
    } catch {
      // The next push or the next visit brings it; a missing row is not worth an error.
    }
  }
}

/** A fetch that was answered before a push must not take a finished request back. */
function newer(known: RequestView | undefined, next: RequestView): RequestView {
  return known && isFinished(known.status) && !isFinished(next.status) ? known : next
}
