import type { StoredSpace } from '../spaces/ports.ts'
import type { NewRequest, Offer, StoredRequest } from './ports.ts'

/** Its log says that it was accepted, and that it began. */
const LAST_SEQ = 2

/** How a request stands in the store once it took the slot it was offered. */
export function begunRequest(request: NewRequest, username: string, space: StoredSpace, offer: Offer): StoredRequest {
  const { leaseId: id, connectionId, instance, app, renews, at: startedAt, deadlineAt } = offer
  return {
    id: request.id,
    spaceId: request.spaceId,
    space: `${space.owner}/${space.name}`,
    spaceOwnerId: space.ownerId,
    userId: request.userId,
    username,
    phase: { at: 'running', lease: { id, connectionId, instance, app, renews, away: null }, startedAt, deadlineAt },
    priority: request.priority,
    input: request.input,
    result: null,
    error: null,
    progress: null,
    attempt: 1,
    losses: 0,
    maxAttempts: space.maxAttempts,
    lastSeq: LAST_SEQ,
    outputChars: 0,
    instance,
    createdAt: request.createdAt,
    startedAt,
    deadlineAt,
    finishedAt: null,
  }
}
