/** A list fetched page by page with a cursor. */
import { Resource } from '#lib/resource.svelte.ts'

interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export class Pages<T> {
  readonly first: Resource<Page<T>>
  loadingMore = $state(false)
  moreFailure = $state<unknown>()
  readonly #load: (cursor: string | undefined) => Promise<Page<T>>
  #rest = $state.raw<Page<T>>()

  /** Must be made while a component initialises. `load` reads the query before its first await. */
  constructor(load: (cursor: string | undefined) => Promise<Page<T>>) {
    this.#load = load
    this.first = new Resource(
      async () => {
        const page = await load(undefined)
        this.#rest = undefined
        return page
      },
      { keep: true },
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
      if (this.first.value === before) this.#rest = { items: [...(this.#rest?.items ?? []), ...page.items], next: page.next }
    } catch (error) {
      this.moreFailure = error
    } finally {
      this.loadingMore = false
    }
  }
}
