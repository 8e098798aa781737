import { v7 as uuid } from 'uuid'
import {
  type CreatedSecret,
  LIMITS,
  type Role,
  type SecretId,
  secretId,
  type SecretView,
  SpacesError,
  type SpaceId,
  type UserId,
} from '@websocket-spaces/protocol'
import type { SecretStore } from './ports.ts'
import { hashSecret, makeSecret } from './secret.ts'
import { secretView } from './views.ts'

/** Where a new token belongs. `space` is its `owner/name`; null = good for every space of the owner. */
export interface TokenScope {
  readonly ownerId: UserId
  readonly space: { readonly id: SpaceId; readonly fullName: string } | null
}

export interface ConnectToken {
  readonly id: SecretId
  readonly ownerId: UserId
  readonly ownerRole: Role
  /** null = every space of the owner. */
  readonly spaceId: SpaceId | null
}

export interface ConnectTokens {
  /** Throws `too_many`. */
  create(scope: TokenScope, name: string): Promise<CreatedSecret>
  listOfOwner(ownerId: UserId): Promise<SecretView[]>
  listOfSpace(spaceId: SpaceId): Promise<SecretView[]>
  /** Drops the token's connections at once. Throws `not_found`. */
  revoke(where: { readonly id: SecretId; readonly ownerId: UserId } | { readonly id: SecretId; readonly spaceId: SpaceId }): Promise<void>
  /** For a space that is being deleted. */
  revokeOfSpace(spaceId: SpaceId): Promise<void>
  /** Null when it is unknown, revoked, or its owner is banned. */
  find(token: string): Promise<ConnectToken | null>
  /** Drops the connections of an owner's tokens, which stay stored: a ban may be lifted. */
  readonly dropConnections: (ownerId: UserId) => Promise<void>
}

export interface ConnectTokensOptions {
  readonly store: SecretStore
  readonly now: () => number
  /** Closes every connection that registered with one of these. */
  readonly onRevoked: (ids: readonly SecretId[]) => void
  readonly onError: (message: string, details: unknown) => void
}

export function createConnectTokens({ store, now, onRevoked, onError }: ConnectTokensOptions): ConnectTokens {
  return {
    async create({ ownerId, space }, name) {
      const fresh = makeSecret('wst_')
      const id = secretId.parse(uuid())
      const kind = 'connect' as const
      const token = { id, name, hint: fresh.hint, hash: fresh.hash, createdAt: now(), spaceId: space?.id ?? null, ownerId, kind }
      if (!(await store.add(token, LIMITS.tokensPerOwner))) throw new SpacesError('too_many', { limit: LIMITS.tokensPerOwner })
      return { ...secretView({ ...token, space: space?.fullName ?? null, lastUsedAt: null }), token: fresh.secret }
    },
    async listOfOwner(ownerId) {
      return (await store.list({ kind: 'connect', ownerId })).map(secretView)
    },
    async listOfSpace(spaceId) {
      return (await store.list({ kind: 'connect', spaceId })).map(secretView)
    },
    async revoke(where) {
      const removed = await store.remove({ kind: 'connect', ...where })
      if (removed.length === 0) throw new SpacesError('not_found')
      onRevoked(removed)
    },
    async revokeOfSpace(spaceId) {
      onRevoked(await store.remove({ kind: 'connect', spaceId }))
    },
    async find(secret) {
      if (!secret.startsWith('wst_')) return null
      const match = await store.find('connect', hashSecret(secret))
      if (match === null || match.ownerBanned) return null
      store.markUsed(match.id, now()).catch((error: unknown) => onError('could not note when a connect token was last used', error))
      return { id: match.id, ownerId: match.ownerId, ownerRole: match.ownerRole, spaceId: match.spaceId }
    },
    async dropConnections(ownerId) {
      const tokens = await store.list({ kind: 'connect', ownerId })
      onRevoked(tokens.map((token) => token.id))
    },
  }
}
