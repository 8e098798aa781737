/** Prompts typed and not yet submitted, kept while the tab is open: a session may end, or the reader look elsewhere, meanwhile. */
import type { SpaceId } from '@websocket-spaces/protocol'
import { untrack } from 'svelte'
import { currentUser } from '#lib/session.svelte.ts'

const MOST_KEPT = 10
const drafts = new Map<string, string>()

/** The signed-in user's own; the next user of the tab does not see it. */
export function draftOf(space: SpaceId): string {
  return drafts.get(keyOf(space)) ?? ''
}

export function keepDraft(space: SpaceId, prompt: string): void {
  const key = keyOf(space)
  drafts.delete(key)
  if (prompt === '') return
  drafts.set(key, prompt)
  const [oldest] = drafts.keys()
  if (drafts.size > MOST_KEPT && oldest !== undefined) drafts.delete(oldest)
}

function keyOf(space: SpaceId): string {
  return `${untrack(() => currentUser()?.id) ?? ''} ${space}`
}
