/** Which spaces have an app connected, and how long their queues are, as the hub last said. */
import { LIVE_CALLS, LIVE_EVENTS, spaceChangedPush, spaceStatus } from '@websocket-spaces/protocol'
import type { Space, SpaceId, SpaceStatus } from '@websocket-spaces/protocol'
import { SvelteMap } from 'svelte/reactivity'
import { hold, isLive, listen } from './socket.svelte.ts'
import type { Hold } from './socket.svelte.ts'

const statuses = new SvelteMap<SpaceId, SpaceStatus>()
let watchers = 0

listen(LIVE_EVENTS.spaceStatus, spaceStatus, (status) => statuses.set(status.space_id, status))

/** The newest status known of `space`. */
export function statusOf(space: Pick<Space, 'id' | 'status'>): SpaceStatus {
  return statuses.get(space.id) ?? space.status
}

/** The newest status the hub told of a space that was not fetched; undefined before a watch began, or where one may not see it. */
export function toldStatusOf(id: SpaceId): SpaceStatus | undefined {
  return statuses.get(id)
}

/** Takes the statuses of freshly fetched spaces, unless a watch already tells newer ones. */
export function seedStatuses(spaces: readonly Space[]): void {
  for (const space of spaces) {
    if (watchers === 0 || !isLive() || !statuses.has(space.id)) statuses.set(space.id, space.status)
  }
}

/** Keeps the statuses of all visible spaces up to date until the returned function is called. */
export function watchGallery(): () => void {
  return watch({ topic: 'gallery', start: LIVE_CALLS.watchGallery, stop: LIVE_CALLS.unwatchGallery, payload: () => ({}) })
}

/** Keeps one space's status up to date until the returned function is called. */
export function watchSpace(id: SpaceId): () => void {
  return watch({ topic: `space ${id}`, start: LIVE_CALLS.watchSpace, stop: LIVE_CALLS.unwatchSpace, payload: () => ({ space_id: id }) })
}

/** Calls `listener` when a watched space was edited or deleted. */
export function onSpaceChanged(listener: (change: { space_id: SpaceId; deleted: boolean }) => void): () => void {
  return listen(LIVE_EVENTS.spaceChanged, spaceChangedPush, listener)
}

function watch(call: Pick<Hold, 'topic' | 'start' | 'stop' | 'payload'>): () => void {
  watchers += 1
  const release = hold({ ...call, onStarted: (spaces) => spaces.forEach((status) => statuses.set(status.space_id, status)) })
  return () => {
    watchers -= 1
    release()
  }
}
