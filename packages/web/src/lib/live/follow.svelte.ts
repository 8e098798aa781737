/** Follows one request: stored events first, then live ones, across reconnects without a gap or a duplicate. */
import { LIVE_CALLS, LIVE_EVENTS, followEndedPush, isFinished, requestEventPush } from '@websocket-spaces/protocol'
import type { FollowItem, RequestId } from '@websocket-spaces/protocol'
import { FRESH_RUN, advance } from './run.ts'
import type { Run } from './run.ts'
import { hold, listen, restart } from './socket.svelte.ts'
import type { Hold } from './socket.svelte.ts'

const RESUME_AFTER_MS = 400

export class Follow {
  readonly requestId: RequestId
  /** Undefined until the first event arrived. */
  run = $state.raw<Run>()
  readonly #disposers: (() => void)[]
  readonly #held: Hold
  #resumeTimer: ReturnType<typeof setTimeout> | undefined

  constructor(requestId: RequestId) {
    this.requestId = requestId
    this.#held = {
      topic: `follow ${requestId}`,
      start: LIVE_CALLS.follow,
      stop: LIVE_CALLS.unfollow,
      payload: () => ({ request_id: requestId, after: this.run?.seq ?? 0 }),
    }
    this.#disposers = [
      listen(LIVE_EVENTS.requestEvent, requestEventPush, (push) => push.request_id === requestId && this.#take(push.item)),
      listen(LIVE_EVENTS.followEnded, followEndedPush, (push) => push.request_id === requestId && this.#resumeSoon()),
      hold(this.#held),
    ]
  }

  stop(): void {
    clearTimeout(this.#resumeTimer)
    for (const dispose of this.#disposers.splice(0)) dispose()
  }

  #take(item: FollowItem): void {
    const next = advance(this.run ?? FRESH_RUN, item, Date.now())
    if (next === undefined) this.#resumeSoon()
    else this.run = next
    if (next && isFinished(next.status)) this.stop()
  }

  #resumeSoon(): void {
    clearTimeout(this.#resumeTimer)
    this.#resumeTimer = setTimeout(() => restart(this.#held), RESUME_AFTER_MS)
  }
}
