import { isoTime, type Space, type SpaceStatus } from '@websocket-spaces/protocol'
import type { Identity } from '../accounts/identity.ts'
import { canEdit } from './access.ts'
import type { StoredSpace } from './ports.ts'

export interface QueueCounts {
  readonly queued: number
  readonly processing: number
}

/** What of a space changes by itself. */
export function statusOfSpace(space: Pick<StoredSpace, 'id' | 'lastSeenAt'>, replicas: number, counts: QueueCounts): SpaceStatus {
  return {
    space_id: space.id,
    connected: replicas > 0,
    replicas,
    queue_length: counts.queued,
    processing: counts.processing,
    last_seen_at: space.lastSeenAt === null ? null : isoTime(space.lastSeenAt),
  }
}

export function viewSpace(space: StoredSpace, status: SpaceStatus, identity: Identity): Space {
  const path = `/api/v1/spaces/${encodeURIComponent(space.owner)}/${encodeURIComponent(space.name)}`
  return {
    id: space.id,
    owner: space.owner,
    name: space.name,
    type: 'websocket',
    description: space.description,
    category: space.category,
    tags: [...space.tags],
    emoji: space.emoji,
    visibility: space.visibility,
    inputs: [...space.inputs],
    examples: [...space.examples],
    max_queue: space.maxQueue,
    min_interval_seconds: space.minIntervalSeconds,
    daily_quota: space.dailyQuota,
    deadline_seconds: space.deadlineSeconds,
    max_attempts: space.maxAttempts,
    hold_seconds: space.holdSeconds,
    open_registration: space.openRegistration,
    cover_url: space.coverUpdatedAt === null ? null : `${path}/cover?v=${space.coverUpdatedAt}`,
    created_at: isoTime(space.createdAt),
    updated_at: isoTime(space.updatedAt),
    can_edit: canEdit(space, identity),
    status,
  }
}
