import { type AttemptView, type Eta, isoTime, type RequestView } from '@websocket-spaces/protocol'
import { statusOf } from './lifecycle.ts'
import type { StoredRequest } from './ports.ts'

/** Where a request stands in the queue: `position` counts from 1 = next. */
export interface Place {
  readonly position: number
  readonly eta: Eta | null
}

/** A request as the API shows it; `place` is null when it does not wait. */
export function viewRequest(request: StoredRequest, place: Place | null, attempts: AttemptView[]): RequestView {
  const self = `/api/v1/requests/${request.id}`
  return {
    id: request.id,
    space_id: request.spaceId,
    space: request.space,
    username: request.username,
    status: statusOf(request.phase),
    priority: request.priority,
    input: request.input,
    result: request.result,
    error: request.error,
    progress: request.progress,
    position: place?.position ?? null,
    eta: place?.eta ?? null,
    attempts: request.attempt,
    attempt_history: attempts,
    instance: request.instance,
    created_at: isoTime(request.createdAt),
    started_at: isoOrNull(request.startedAt),
    finished_at: isoOrNull(request.finishedAt),
    deadline_at: isoOrNull(request.deadlineAt),
    urls: { self, events: `${self}/events`, cancel: `${self}/cancel`, web: `/requests/${request.id}` },
  }
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : isoTime(at)
}
