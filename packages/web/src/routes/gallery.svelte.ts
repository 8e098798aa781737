/** The spaces a query finds, page by page, with their statuses live. */
import type { Category, Space } from '@websocket-spaces/protocol'
import { listSpaces } from '#lib/api/spaces.ts'
import { onSpaceChanged, seedStatuses, watchGallery } from '#lib/live/statuses.svelte.ts'
import { BackMemory } from '#lib/back-memory.ts'
import { Pages } from '#lib/pages.svelte.ts'
import type { LoadedPages } from '#lib/pages.svelte.ts'

export interface GalleryQuery {
  search: string
  category: Category | undefined
  tag: string
}

const memory = new BackMemory<LoadedPages<Space>>()

/** Must be called while a component initialises. */
export function createGallery(query: () => GalleryQuery) {
  async function load(cursor: string | undefined) {
    const { search, category, tag } = query()
    const page = await listSpaces({ search, category, tag, cursor })
    seedStatuses(page.spaces)
    return { items: page.spaces, next: page.next }
  }
  const pages = new Pages<Space>(load, { memory, place: () => JSON.stringify(query()) })
  $effect(() => watchGallery())
  $effect(() => onSpaceChanged(() => void pages.first.reload()))
  return {
    first: pages.first,
    get spaces() {
      return pages.items
    },
    get hasMore() {
      return pages.hasMore
    },
    get loadingMore() {
      return pages.loadingMore
    },
    get moreFailure() {
      return pages.moreFailure
    },
    more: () => pages.more(),
  }
}
