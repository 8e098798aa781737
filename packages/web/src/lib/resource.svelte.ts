/** Something fetched for a page: loading, ready or failed; fetched again when the hub comes back. */
import { untrack } from 'svelte'
import { HubUnreachable } from '#lib/api/errors.ts'
import { connectionCount } from '#lib/live/socket.svelte.ts'

type ResourceState<T> = { kind: 'loading' } | { kind: 'ready'; value: T } | { kind: 'failed'; error: unknown }

const RETRY_MS = 2_000

export class Resource<T> {
  state = $state.raw<ResourceState<T>>({ kind: 'loading' })
  readonly #load: () => Promise<T>
  #latest = 0
  #retryTimer: ReturnType<typeof setTimeout> | undefined

  /**
   * Must be made while a component initialises. `load` runs again when what it reads before its first await changes;
   * with `keep`, the old value stays until then. `initial` is shown while it is loaded the first time.
   */
  constructor(load: () => Promise<T>, { keep = false, initial }: { keep?: boolean; initial?: T } = {}) {
    this.#load = load
    if (initial !== undefined) this.state = { kind: 'ready', value: initial }
    let connections = untrack(connectionCount)
    $effect(() => {
      if (!keep || untrack(() => this.state.kind) !== 'ready') this.state = { kind: 'loading' }
      void this.#run(load())
      return () => this.#stop()
    })
    $effect(() => {
      const now = connectionCount()
      if (now === connections) return
      // The first connection of a page is not a return.
      const returned = connections > 0
      connections = now
      if (returned) untrack(() => void this.reload())
    })
  }

  get value(): T | undefined {
    return this.state.kind === 'ready' ? this.state.value : undefined
  }

  /** Fetches again; what is shown stays until the answer is there. */
  reload(): Promise<void> {
    return this.#run(this.#load())
  }

  set(value: T): void {
    this.#latest += 1
    this.state = { kind: 'ready', value }
  }

  async #run(loading: Promise<T>): Promise<void> {
    const mine = (this.#latest += 1)
    clearTimeout(this.#retryTimer)
    try {
      const value = await loading
      if (mine === this.#latest) this.state = { kind: 'ready', value }
    } catch (error) {
      if (mine === this.#latest) this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    const unreachable = error instanceof HubUnreachable
    if (!unreachable || this.state.kind !== 'ready') this.state = { kind: 'failed', error }
    if (unreachable) this.#retryTimer = setTimeout(() => void this.reload(), RETRY_MS)
  }

  #stop(): void {
    this.#latest += 1
    clearTimeout(this.#retryTimer)
  }
}
