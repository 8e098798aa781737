/** One request as the page shows it: what was fetched once, and what its events have added since. */
import { isFinished } from '@websocket-spaces/protocol'
import type { Eta, Outcome, RequestId, RequestStatus, RequestView } from '@websocket-spaces/protocol'
import { HubUnreachable } from '#lib/api/errors.ts'
import { cancelRequest, fetchRequest } from '#lib/api/requests.ts'
import { Follow } from '#lib/live/follow.svelte.ts'

const RETRY_MS = 2_000

export class RunStore {
  readonly id: RequestId
  view = $state.raw<RequestView>()
  failure = $state<unknown>()
  canceling = $state(false)
  cancelFailure = $state<unknown>()
  readonly #follow: Follow
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #stopped = false

  constructor(id: RequestId, view?: RequestView) {
    this.id = id
    this.view = view
    this.#follow = new Follow(id)
    if (!view) void this.#fetch()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#retryTimer)
    this.#follow.stop()
  }

  get run() {
    return this.#follow.run
  }

  get status(): RequestStatus {
    const fetched = this.view?.status ?? 'queued'
    const followed = this.run?.status ?? fetched
    // A cancel is answered before its event arrives, and is never taken back.
    const isAhead = isFinished(fetched) || (fetched === 'canceling' && !isFinished(followed))
    return isAhead ? fetched : followed
  }

  get outcome(): Outcome | undefined {
    return this.run?.outcome ?? (this.view && outcomeOf(this.view))
  }

  get finished(): boolean {
    return isFinished(this.status)
  }

  /** 0 … 1; null until the app says. */
  get progress(): number | null {
    return this.run ? this.run.progress : (this.view?.progress ?? null)
  }

  get position(): number | null {
    return this.run?.position ?? this.view?.position ?? null
  }

  get eta(): Eta | null {
    return this.run?.position ? this.run.eta : (this.view?.eta ?? null)
  }

  get instance(): string | null {
    return this.run?.instance ?? this.view?.instance ?? null
  }

  get startedAt(): string | null {
    return this.run?.startedAt ?? this.view?.started_at ?? null
  }

  get finishedAt(): string | null {
    return this.run?.finishedAt ?? this.view?.finished_at ?? null
  }

  /** Fetches the request once more, for what its events do not tell. */
  async refresh(): Promise<void> {
    const view = await fetchRequest(this.id).catch(() => undefined)
    if (view && !this.#stopped) this.view = view
  }

  async cancel(): Promise<void> {
    this.canceling = true
    this.cancelFailure = undefined
    try {
      this.view = await cancelRequest(this.id)
    } catch (error) {
      this.cancelFailure = error
    } finally {
      this.canceling = false
    }
  }

  async #fetch(): Promise<void> {
    try {
      const view = await fetchRequest(this.id)
      if (!this.#stopped) this.view = view
      this.failure = undefined
    } catch (error) {
      this.failure = error
      if (error instanceof HubUnreachable && !this.#stopped) this.#retryTimer = setTimeout(() => void this.#fetch(), RETRY_MS)
    }
  }
}

function outcomeOf(view: RequestView): Outcome | undefined {
  if (view.status === 'canceled') return { status: 'canceled' }
  if (view.status === 'completed') return { status: 'completed', result: view.result ?? {} }
  if (view.status === 'failed' && view.error) return { status: 'failed', error: view.error, result: view.result }
  return undefined
}
