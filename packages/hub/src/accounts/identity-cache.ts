import { LRUCache } from 'lru-cache'
import type { SecretId } from '@websocket-spaces/protocol'
import type { Identity } from './identity.ts'

export interface Proven {
  readonly identity: Identity
  /** The API key it was proven with; null for a session. */
  readonly secretId: SecretId | null
}

export interface IdentityCache {
  /** What a proof was last found to be worth, or what `lookUp` finds now. Nobody is not remembered. */
  find(proof: string, lookUp: () => Promise<Proven | null>): Promise<Proven | null>
  forget(matches: (proven: Proven) => boolean): void
}

/** Milliseconds that a session or key revoked by another node is honoured, at most. */
const KEPT_FOR = 5_000
const KEPT = 10_000
const MOST_LOOK_UPS = 3

/** Spares most requests the look-up of who sends them. What this node revokes is forgotten at once. */
export function createIdentityCache(): IdentityCache {
  const cache = new LRUCache<string, Proven>({ max: KEPT, ttl: KEPT_FOR })
  let generation = 0

  return {
    async find(proof, lookUp) {
      const kept = cache.get(proof)
      if (kept !== undefined) return kept
      for (let tries = 0; tries < MOST_LOOK_UPS; tries += 1) {
        const before = generation
        const proven = await lookUp()
        // What was read before a ban or sign-out must be neither kept nor believed after it.
        if (before !== generation) continue
        if (proven !== null) cache.set(proof, proven)
        return proven
      }
      return lookUp()
    },
    forget(matches) {
      generation += 1
      for (const [proof, proven] of cache.entries()) if (matches(proven)) cache.delete(proof)
    },
  }
}
