import { createHash } from 'node:crypto'
import { type Priority, type RequestId, type RequestInput, type SpaceId, SpacesError } from '@websocket-spaces/protocol'
import type { Identity } from '../accounts/identity.ts'
import { canEdit } from '../spaces/access.ts'
import type { Connections } from '../spaces/connections.ts'
import type { Presence, StoredSpace } from '../spaces/ports.ts'
import type { Forecasts } from './forecasts.ts'
import type { Offers } from './offers.ts'
import type { Bus, Inserted, InsertOptions, NewRequest, RequestStore } from './ports.ts'
import type { QueueBoard } from './queue-board.ts'
import { newRequestId } from './request-id.ts'

export interface SubmitDeps {
  readonly store: RequestStore
  readonly bus: Bus
  readonly connections: Connections
  readonly presence: Pick<Presence, 'replicas'>
  readonly offers: Pick<Offers, 'make'>
  readonly board: QueueBoard
  readonly forecasts: Forecasts
  readonly now: () => number
  /** While the hub stops, nothing new is accepted. */
  readonly isStopping: () => boolean
}

export interface Submission {
  readonly input: RequestInput
  /** Normal where nothing is said. */
  readonly priority?: Priority
  /** `Idempotency-Key`: a second submit with it is the same request. */
  readonly key?: string | undefined
  /** Whoever submits it hears nothing before its end: both may reach the disk at once. */
  readonly isAwaited?: boolean
}

/**
 * Accepts a request: it is committed before this returns, and will have an outcome. Unless it `isAwaited`, the disk has it too.
 * Throws `app_not_connected`, `shutting_down`, `space_not_found`, `queue_full`, `too_fast`, `quota_exceeded`, `storage_full`,
 * `key_reused`, `priority_refused`.
 */
export async function submit(
  deps: SubmitDeps,
  space: StoredSpace,
  identity: Identity,
  { input, priority = 'normal', key, isAwaited = false }: Submission,
  id = newRequestId(),
): Promise<RequestId> {
  if (deps.isStopping()) throw new SpacesError('shutting_down')
  const where = { spaceId: space.id, userId: identity.userId }
  const submitKey = key === undefined ? undefined : { key, fingerprint: fingerprintOf(input, priority) }
  // Before all else: a repeated submit finds its request, whatever has become of the app or the queue since.
  const made = submitKey === undefined ? null : await deps.store.findByKey(where, submitKey)
  if (made !== null) return made
  if (priority === 'high' && !canEdit(space, identity)) throw new SpacesError('priority_refused')
  if (space.holdSeconds === 0 && !isServedHere(deps, space.id) && (await deps.presence.replicas(space.id)) === 0) {
    throw new SpacesError('app_not_connected')
  }
  const tell = ({ id: of, begun }: Inserted): void => {
    if (of !== id) return
    const status = begun ? 'processing' : 'queued'
    deps.bus.publish({ topic: `user:${identity.userId}`, change: 'request', requestId: id, spaceId: space.id, status })
    deps.board.changed(space.id)
  }
  const options = { key: submitKey, onLasting: isAwaited ? tell : undefined }
  const inserted = await insert(deps, space, identity, { ...where, id, priority, input, createdAt: deps.now() }, options)
  if (!isAwaited) tell(inserted)
  return inserted.id
}

/** An app with a free slot is handed it before the disk has it: what an app is handed, nobody has been told of yet. */
async function insert(
  { store, bus, offers }: SubmitDeps,
  space: StoredSpace,
  { username }: Identity,
  request: NewRequest,
  options: Pick<InsertOptions, 'key' | 'onLasting'>,
): Promise<Inserted> {
  const { maxQueue, minIntervalSeconds, dailyQuota } = space
  const wake = (): void => bus.publish({ topic: 'waiting', spaceId: space.id })
  const offer = offers.make(space)
  const onCommitted = ({ begun }: Inserted): void => {
    if (begun) offer?.take(request, username)
    else {
      offer?.[Symbol.dispose]()
      wake()
    }
  }
  const when = offer === undefined ? { onPlaced: wake } : { offer: offer.terms, onCommitted }
  try {
    return await store.insert(request, { maxQueue, minIntervalSeconds, dailyQuota }, { ...options, ...when })
  } finally {
    offer?.[Symbol.dispose]()
  }
}

function isServedHere({ connections }: SubmitDeps, spaceId: SpaceId): boolean {
  return connections.liveOf(spaceId).length > 0
}

/** The same for the same input, however its keys are ordered: the schema puts them in its own order. */
function fingerprintOf(input: RequestInput, priority: Priority): string {
  // The usual priority leaves it as it was before there were others: keys outlive an update of the hub.
  const asked = priority === 'normal' ? input : [input, priority]
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64url')
}
