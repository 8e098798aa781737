/** What a list had loaded, so that the browser's back button leads to where the reader was in it. */
import { navigating } from '$app/state'
import { untrack } from 'svelte'
import { currentUser } from '#lib/session.svelte.ts'

export class BackMemory<T> {
  #kept: { user: string | undefined; place: string; value: T } | undefined

  /** Only the last is kept, in this tab, for this user. `place` tells apart what the list was asked for. */
  keep(place: string, value: T): void {
    this.#kept = { user: userId(), place, value }
  }

  /** What was kept for `place`, when the page was come back to. Must be called while a component initialises. */
  recall(place: string): T | undefined {
    const back = untrack(() => navigating.type === 'popstate')
    const kept = this.#kept
    return back && kept?.user === userId() && kept?.place === place ? kept.value : undefined
  }
}

function userId(): string | undefined {
  return untrack(() => currentUser()?.id)
}
