import { LRUCache } from 'lru-cache'
import { v7 as uuid } from 'uuid'
import { type CreatedSecret, LIMITS, type SecretId, secretId, type SecretView, SpacesError } from '@websocket-spaces/protocol'
import type { Identity } from './identity.ts'
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
  readonly onError: (message: string, details: unknown) => void
}

const CACHED_FOR = 5_000
const CACHED_KEYS = 10_000
/** `last_used_at` is exact to this many milliseconds. */
const MARK_EVERY = 60_000

export function createApiKeys({ store, now, onError }: ApiKeysOptions): ApiKeys {
  const cache = new LRUCache<string, { readonly id: SecretId; readonly identity: Identity }>({ max: CACHED_KEYS, ttl: CACHED_FOR })
  const markedAt = new LRUCache<string, number>({ max: CACHED_KEYS })
  let generation = 0

  function markUsed(id: SecretId): void {
    if (now() - (markedAt.get(id) ?? -Infinity) < MARK_EVERY) return
    markedAt.set(id, now())
    // Not awaited: a full disk must not keep programs from reading their results.
    store.markUsed(id, now()).catch((error: unknown) => onError('could not note when an API key was last used', error))
  }

  function forget(matches: (entry: { readonly id: SecretId; readonly identity: Identity }) => boolean): void {
    generation += 1
    for (const [key, entry] of cache.entries()) if (matches(entry)) cache.delete(key)
  }

  return {
    async create(identity, name) {
      if (identity.via !== 'session') throw new SpacesError('forbidden')
      const fresh = makeSecret('wsk_')
      const id = secretId.parse(uuid())
      const key = {
        id,
        name,
        hint: fresh.hint,
        hash: fresh.hash,
        createdAt: now(),
        spaceId: null,
        ownerId: identity.userId,
        kind: 'key' as const,
      }
      if (!(await store.add(key, LIMITS.tokensPerOwner))) throw new SpacesError('too_many', { limit: LIMITS.tokensPerOwner })
      return { ...secretView({ ...key, space: null, lastUsedAt: null }), token: fresh.secret }
    },
    async list(identity) {
      return (await store.list({ kind: 'key', ownerId: identity.userId })).map(secretView)
    },
    async revoke(identity, id) {
      const removed = await store.remove({ kind: 'key', id, ownerId: identity.userId })
      if (removed.length === 0) throw new SpacesError('not_found')
      forget((entry) => entry.id === id)
    },
    async identify(key) {
      const hash = hashSecret(key)
      const before = generation
      const known = cache.get(hash)
      if (known !== undefined) {
        markUsed(known.id)
        return known.identity
      }
      const match = await store.find('key', hash)
      if (match === null || match.ownerBanned) return null
      const identity: Identity = { userId: match.ownerId, username: match.ownerName, role: match.ownerRole, via: 'key' }
      if (before === generation) cache.set(hash, { id: match.id, identity })
      markUsed(match.id)
      return identity
    },
    forget(userId) {
      forget((entry) => entry.identity.userId === userId)
    },
  }
}
