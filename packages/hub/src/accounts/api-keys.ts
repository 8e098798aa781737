import { LRUCache } from 'lru-cache'
import { v7 as uuid } from 'uuid'
import { type CreatedSecret, LIMITS, type SecretId, secretId, type SecretView, SpacesError, type UserId } from '@websocket-spaces/protocol'
import type { Identity } from './identity.ts'
import { createIdentityCache, type Proven } from './identity-cache.ts'
import type { SecretStore } from './ports.ts'
import { hashSecret, makeSecret } from './secret.ts'
import { secretView } from './views.ts'

export interface ApiKeys {
  /** Throws `too_many`, and `forbidden` to a program: a leaked key must not breed others. */
  create(identity: Identity, name: string): Promise<CreatedSecret>
  list(identity: Identity): Promise<SecretView[]>
  /** Takes effect at once. Throws `not_found`. */
  revoke(identity: Identity, id: SecretId): Promise<void>
  /** Who the key acts for; null when it is unknown, revoked, or its user is banned. */
  identify(key: string): Promise<Identity | null>
  /** Forgets what is cached about a user. */
  forget(userId: string): void
}

export interface ApiKeysOptions {
  readonly store: SecretStore
  readonly now: () => number
  /** The live sockets of the user must prove themselves again. */
  readonly onRevoked: (userId: UserId) => void
  readonly onError: (message: string, details: unknown) => void
}

/** `last_used_at` is exact to this many milliseconds. */
const MARK_EVERY = 60_000
const MARKS_KEPT = 10_000

export function createApiKeys(options: ApiKeysOptions): ApiKeys {
  const { store } = options
  const cache = createIdentityCache()
  const markUsed = createMarker(options)

  return {
    create: (identity, name) => createKey(options, identity, name),
    async list(identity) {
      return (await store.list({ kind: 'key', ownerId: identity.userId })).map(secretView)
    },
    async revoke(identity, id) {
      const removed = await store.remove({ kind: 'key', id, ownerId: identity.userId })
      if (removed.length === 0) throw new SpacesError('not_found')
      cache.forget((proven) => proven.secretId === id)
      options.onRevoked(identity.userId)
    },
    async identify(key) {
      const hash = hashSecret(key)
      const proven = await cache.find(hash, () => lookUp(store, hash))
      if (proven === null) return null
      if (proven.secretId !== null) markUsed(proven.secretId)
      return proven.identity
    },
    forget(userId) {
      cache.forget(({ identity }) => identity.userId === userId)
    },
  }
}

async function createKey({ store, now }: ApiKeysOptions, identity: Identity, name: string): Promise<CreatedSecret> {
  if (identity.via !== 'session') throw new SpacesError('forbidden')
  const { secret, hash, hint } = makeSecret('wsk_')
  const key = {
    id: secretId.parse(uuid()),
    kind: 'key',
    ownerId: identity.userId,
    spaceId: null,
    name,
    hint,
    hash,
    createdAt: now(),
  } as const
  if (!(await store.add(key, LIMITS.tokensPerOwner))) throw new SpacesError('too_many', { limit: LIMITS.tokensPerOwner })
  return { ...secretView({ ...key, space: null, lastUsedAt: null }), token: secret }
}

async function lookUp(store: SecretStore, hash: string): Promise<Proven | null> {
  const match = await store.find('key', hash)
  if (match === null || match.ownerBanned) return null
  return { identity: { userId: match.ownerId, username: match.ownerName, role: match.ownerRole, via: 'key' }, secretId: match.id }
}

function createMarker({ store, now, onError }: ApiKeysOptions): (id: SecretId) => void {
  const markedAt = new LRUCache<SecretId, number>({ max: MARKS_KEPT })
  return (id) => {
    if (now() - (markedAt.get(id) ?? -Infinity) < MARK_EVERY) return
    markedAt.set(id, now())
    // Not awaited: a full disk must not keep programs from reading their results.
    store.markUsed(id, now()).catch((error: unknown) => onError('could not note when an API key was last used', error))
  }
}
