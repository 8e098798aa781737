import { v7 as uuid } from 'uuid'
import {
  type ConnectionId,
  connectionId,
  createSpaceBody,
  leaseId,
  type LeaseId,
  type Outcome,
  type Priority,
  type RequestId,
  type SpaceId,
  spaceId,
  type UserId,
} from '@websocket-spaces/protocol'
import type { z } from 'zod'
import type { Lease, LeaseRef } from '../../src/requests/lifecycle.ts'
import type { Claim, ClaimedRequest, NewRequest, Offer, SubmitLimits } from '../../src/requests/ports.ts'
import type { NewSpace, StoredSpace } from '../../src/spaces/ports.ts'
import { newRequestId } from '../../src/requests/request-id.ts'
import type { StoreUnderTest } from './sqlite-store.ts'

export { newRequestId }

export const NO_LIMITS: SubmitLimits = { maxQueue: 1_000_000, minIntervalSeconds: 0, dailyQuota: 0 }
/** A moment for tests that give times; noon, UTC. */
export const NOON = Date.UTC(2026, 0, 15, 12)
export const DONE: Outcome = { status: 'completed', result: { text_output: 'done' } }

let names = 0
export function uniqueName(word: string): string {
  names += 1
  return `${word}-${names}`
}

export function newSpaceId(): SpaceId {
  return spaceId.parse(uuid())
}

export function newLeaseId(): LeaseId {
  return leaseId.parse(uuid())
}

export function newConnectionId(): ConnectionId {
  return connectionId.parse(uuid())
}

export function newSpace(ownerId: UserId, settings: Partial<z.input<typeof createSpaceBody>> = {}): NewSpace {
  return { id: newSpaceId(), ownerId, settings: createSpaceBody.parse({ name: uniqueName('space'), ...settings }), at: NOON }
}

/** A space in the store. */
export async function addSpace(
  { spaces }: Pick<StoreUnderTest, 'spaces'>,
  ownerId: UserId,
  settings: Partial<z.input<typeof createSpaceBody>> = {},
): Promise<StoredSpace> {
  const space = newSpace(ownerId, settings)
  await spaces.insert(space, 1_000)
  const stored = await spaces.find(space.id)
  if (stored === null) throw new Error('the space was not stored')
  return stored
}

export interface Asked {
  readonly space: Pick<StoredSpace, 'id'>
  readonly user: UserId
  readonly priority?: Priority
}

export function newRequest({ space, user, priority = 'normal' }: Asked, change: Partial<NewRequest> = {}): NewRequest {
  return { id: newRequestId(), spaceId: space.id, userId: user, priority, input: { prompt: 'p' }, createdAt: NOON, ...change }
}

/** Requests in the store, oldest first. */
export async function addRequests(
  { requests }: Pick<StoreUnderTest, 'requests'>,
  asked: Asked,
  count: number,
  createdAt = NOON,
): Promise<RequestId[]> {
  const ids: RequestId[] = []
  for (let index = 0; index < count; index += 1) {
    const request = newRequest(asked, { input: { prompt: `prompt ${index}` }, createdAt })
    await requests.insert(request, NO_LIMITS)
    ids.push(request.id)
  }
  return ids
}

export function newClaim(space: Pick<StoredSpace, 'id'>, change: Partial<Claim> = {}): Claim {
  return {
    spaceId: space.id,
    connectionId: newConnectionId(),
    instance: 'gpu-box',
    app: 'the app',
    renews: false,
    start: 1,
    hold: 0,
    at: NOON + 1_000,
    deadlineAt: NOON + 61_000,
    ...change,
  }
}

/** A free slot, and the lease under which a request takes it. */
export function newOffer(): { readonly offer: Offer; readonly lease: Omit<Lease, 'away'> } {
  const holder = { connectionId: newConnectionId(), instance: 'gpu-box', app: 'the app', renews: true }
  const offer = { leaseId: newLeaseId(), ...holder, at: NOON + 1_000, deadlineAt: NOON + 61_000 }
  return { offer, lease: { id: offer.leaseId, ...holder } }
}

/** Who holds the first of what was claimed. */
export function byOf(claim: Claim, claimed: readonly ClaimedRequest[]): LeaseRef {
  return { id: claimed[0]?.leaseId ?? newLeaseId(), connectionId: claim.connectionId }
}

/** The code something was refused with; anything but a refusal fails the test. */
export async function codeOf(attempt: Promise<unknown>): Promise<string> {
  const outcome = await attempt.then(
    () => ({ code: 'accepted' }),
    (error: unknown) => error,
  )
  if (outcome instanceof Object && 'code' in outcome) return String(outcome.code)
  throw outcome
}
