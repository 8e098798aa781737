/** The spaces a query finds, page by page, with their statuses live. */
import type { Category, Space } from '@websocket-spaces/protocol'
import { listSpaces } from '#lib/api/spaces.ts'
import { onSpaceChanged, seedStatuses, watchGallery } from '#lib/live/statuses.svelte.ts'
import { Pages } from '#lib/pages.svelte.ts'

export interface GalleryQuery {
  search: string
  category: Category | undefined
  tag: string
}

/** Must be called while a component initialises. */
export function createGallery(query: () => GalleryQuery) {
  const pages = new Pages<Space>(async (cursor) => {
    const { search, category, tag } = query()
    const page = await listSpaces({ search, category, tag, cursor })
    seedStatuses(page.spaces)
    return { items: page.spaces, next: page.next }
  })
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
