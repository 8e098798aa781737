/** A list fetched page by page with a cursor. */
import { untrack } from 'svelte'
import type { BackMemory } from '#lib/back-memory.ts'
import { Resource } from '#lib/resource.svelte.ts'

interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export interface LoadedPages<T> {
  readonly first: Page<T>
  readonly rest: Page<T> | undefined
}

interface Return<T> {
  readonly memory: BackMemory<LoadedPages<T>>
  /** What the list is asked for; read before the first await of a load. */
  readonly place: () => string
}

export class Pages<T> {
  readonly first: Resource<Page<T>>
  loadingMore = $state(false)
  moreFailure = $state<unknown>()
  readonly #load: (cursor: string | undefined) => Promise<Page<T>>
  readonly #return: Return<T> | undefined
  #place: string | undefined
  #rest = $state.raw<Page<T>>()

  /** Must be made while a component initialises. `load` reads the query before its first await; `back` keeps what is loaded for a return. */
  constructor(load: (cursor: string | undefined) => Promise<Page<T>>, back?: Return<T>) {
    this.#load = load
    this.#return = back
    const kept = back?.memory.recall(untrack(back.place))
    this.#rest = kept?.rest
    this.#place = back && untrack(back.place)
    this.first = new Resource(
      async () => {
        const place = back?.place()
        const page = await load(undefined)
        // Further pages stay good as long as they begin where the first one ends.
        if (page.next !== this.first.value?.next || place !== this.#place) this.#rest = undefined
        this.#place = place
        this.#keep(page)
        return page
      },
      { keep: true, ...(kept ? { initial: kept.first } : {}) },
    )
  }

  get items(): readonly T[] {
    return [...(this.first.value?.items ?? []), ...(this.#rest?.items ?? [])]
  }

  get hasMore(): boolean {
    return this.#next !== null
  }

  get #next(): string | null {
    return this.#rest ? this.#rest.next : (this.first.value?.next ?? null)
  }

  async more(): Promise<void> {
    const cursor = this.#next
    if (cursor === null || this.loadingMore) return
    this.loadingMore = true
    this.moreFailure = undefined
    const before = this.first.value
    try {
      const page = await this.#load(cursor)
      if (this.first.value !== before) return
      this.#rest = { items: [...(this.#rest?.items ?? []), ...page.items], next: page.next }
      if (before) this.#keep(before)
    } catch (error) {
      this.moreFailure = error
    } finally {
      this.loadingMore = false
    }
  }

  #keep(first: Page<T>): void {
    if (this.#place !== undefined) this.#return?.memory.keep(this.#place, { first, rest: this.#rest })
  }
}
