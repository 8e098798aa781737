/** One request as the page shows it: what was fetched once, and what its events have added since. */
import { isFinished } from '@websocket-spaces/protocol'
import type { Outcome, RequestId, RequestStatus, RequestView } from '@websocket-spaces/protocol'
import { HubUnreachable } from '#lib/api/errors.ts'
import { cancelRequest, fetchRequest } from '#lib/api/requests.ts'
import { Follow } from '#lib/live/follow.svelte.ts'
import type { HeardEta } from '#lib/live/run.ts'

const RETRY_MS = 2_000

export class RunStore {
  readonly id: RequestId
  /** As it was when it was fetched. */
  #fetched = $state.raw<{ readonly view: RequestView; readonly at: number }>()
  failure = $state<unknown>()
  canceling = $state(false)
  cancelFailure = $state<unknown>()
  readonly #follow: Follow
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #stopped = false

  constructor(id: RequestId, view?: RequestView) {
    this.id = id
    if (view) this.#see(view)
    this.#follow = new Follow(id)
    if (!view) void this.#fetch()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#retryTimer)
    this.#follow.stop()
  }

  get view(): RequestView | undefined {
    return this.#fetched?.view
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

  get eta(): HeardEta | null {
    if (this.run?.position) return this.run.eta
    const { view, at } = this.#fetched ?? {}
    return view?.eta && at !== undefined ? { eta: view.eta, at } : null
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
    if (view && !this.#stopped) this.#see(view)
  }

  async cancel(): Promise<void> {
    this.canceling = true
    this.cancelFailure = undefined
    try {
      this.#see(await cancelRequest(this.id))
    } catch (error) {
      this.cancelFailure = error
    } finally {
      this.canceling = false
    }
  }

  #see(view: RequestView): void {
    this.#fetched = { view, at: Date.now() }
  }

  async #fetch(): Promise<void> {
    try {
      const view = await fetchRequest(this.id)
      if (!this.#stopped) this.#see(view)
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
