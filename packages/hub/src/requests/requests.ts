import {
  LIMITS,
  type FollowItem,
  type listRequestsQuery,
  type RequestId,
  requestId,
  type RequestPage,
  type RequestView,
  type SpaceId,
  SpacesError,
} from '@websocket-spaces/protocol'
import type { z } from 'zod'
import type { Identity } from '../accounts/identity.ts'
import { canEdit } from '../spaces/access.ts'
import type { StoredSpace } from '../spaces/ports.ts'
import { attemptsOf } from './attempts.ts'
import { cancel, end } from './cancel.ts'
import { follow } from './follow.ts'
import { statusOf } from './lifecycle.ts'
import type { StoredRequest } from './ports.ts'
import { Ending, type Waiter } from './ending.ts'
import { newRequestId } from './request-id.ts'
import { type Submission, submit, type SubmitDeps } from './submit.ts'
import { type Place, viewRequest } from './view.ts'

const BATCH = 500
type PageQuery = Pick<z.output<typeof listRequestsQuery>, 'cursor' | 'limit'>

/** What people and programs may do with requests: every method checks that they may. */
export class Requests {
  readonly #deps: SubmitDeps

  constructor(deps: SubmitDeps) {
    this.#deps = deps
  }

  async submit(space: StoredSpace, identity: Identity, submission: Submission): Promise<RequestView> {
    return this.view(await submit(this.#deps, space, identity, submission), identity)
  }

  /** As {@link submit}, then as {@link wait}; `onAccepted` hears of it in between. What it waits for comes without asking the store. */
  async submitAndWait(
    space: StoredSpace,
    identity: Identity,
    submission: Submission,
    waiter: Waiter,
    onAccepted: (id: RequestId) => void,
  ): Promise<RequestView> {
    const fresh = newRequestId()
    const ending = new Ending(this.#deps.bus, fresh, waiter)
    try {
      const id = await submit(this.#deps, space, identity, { ...submission, isAwaited: true }, fresh)
      onAccepted(id)
      const finished = id === fresh ? await ending.reached : null
      return finished === null
        ? await this.wait(id, identity, waiter.signal)
        : viewRequest(finished, null, await attemptsOf(this.#deps.store, finished))
    } finally {
      ending[Symbol.dispose]()
    }
  }

  /** The request, if it is this user's, or of a space of theirs. Throws `not_found`, also where existence is private. */
  async find(id: RequestId, identity: Identity): Promise<StoredRequest> {
    const request = await this.#deps.store.find(id)
    if (request === null || !maySee(request, identity)) throw new SpacesError('not_found')
    return request
  }

  async view(id: RequestId, identity: Identity): Promise<RequestView> {
    const request = await this.find(id, identity)
    return viewRequest(request, await this.#placeOf(request), await attemptsOf(this.#deps.store, request))
  }

  async list(where: { spaceId?: SpaceId; userId?: Identity['userId'] }, { cursor, limit }: PageQuery): Promise<RequestPage> {
    const before = cursor === undefined ? {} : { before: requestId.parse(cursor) }
    const stored = await this.#deps.store.page({ ...where, ...before, limit: limit + 1 })
    const shown = stored.slice(0, limit)
    const requests = await Promise.all(shown.map(async (request) => listed(viewRequest(request, await this.#placeOf(request), []))))
    return { requests, next: stored.length > limit ? (shown.at(-1)?.id ?? null) : null }
  }

  /** Throws `not_found`, `request_finished`. */
  async cancel(id: RequestId, identity: Identity): Promise<RequestView> {
    await this.find(id, identity)
    await cancel(this.#deps, id)
    return this.view(id, identity)
  }

  /** Ends all that is alive in a space about to be deleted, in batches. */
  async cancelAll(spaceId: SpaceId): Promise<void> {
    for (;;) {
      const ids = await this.#deps.store.unfinished(spaceId, BATCH)
      if (ids.length === 0) return
      // The newest first: an app that one is taken from is not handed the next.
      for (const id of ids.toReversed()) await end(this.#deps, id, { type: 'canceled', at: this.#deps.now() }, 'space_deleted')
    }
  }

  /** Nothing when the caller has seen the result. Throws `not_found` before the first item. */
  async follow(id: RequestId, after: number, identity: Identity, signal: AbortSignal): Promise<AsyncGenerator<FollowItem>> {
    const { phase, lastSeq } = await this.find(id, identity)
    const ended = phase.at === 'finished' && after >= lastSeq
    return follow(this.#deps, id, Math.min(after, lastSeq), ended ? AbortSignal.abort() : signal)
  }

  /** The request when it is finished, or as it stands when `signal` aborts. */
  async wait(id: RequestId, identity: Identity, signal: AbortSignal): Promise<RequestView> {
    const items = await this.follow(id, 0, identity, signal)
    // The last item is the result; what it says is read back from the store.
    for await (const item of items) if (item.type === 'result') break
    return this.view(id, identity)
  }

  async totals(since: number) {
    return this.#deps.store.totals(since)
  }

  async #placeOf(request: StoredRequest): Promise<Place | null> {
    if (statusOf(request.phase) !== 'queued') return null
    const position = (await this.#deps.store.waitingBefore(request.id)) + 1
    return { position, eta: await this.#deps.forecasts.at(request.spaceId, position) }
  }
}

/** A page of requests must stay small, however much each of them holds. */
function listed(view: RequestView): RequestView {
  return { ...view, result: null, input: { ...view.input, prompt: view.input.prompt.slice(0, LIMITS.listedPromptChars) } }
}

function maySee(request: StoredRequest, identity: Identity): boolean {
  return request.userId === identity.userId || canEdit({ ownerId: request.spaceOwnerId }, identity)
}
