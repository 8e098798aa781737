import type { StoredToken } from './secret-store.ts'

/**
 * The stored token to register with for `space` (`name` or `owner/name`): the one made for it,
 * else the newest one of this hub, which may be for all spaces of an owner.
 * @param tokens those of this hub, newest first
 */
export function chooseToken(tokens: readonly StoredToken[], space: string): string | undefined {
  const matching = tokens.find((stored) => stored.space === space) ?? tokens.find((stored) => nameOf(stored.space) === nameIfBare(space))
  return (matching ?? tokens[0])?.token
}

function nameOf(space: string | null): string | undefined {
  return space?.split('/').at(-1)
}

/** `owner/name` asks for that owner's space, so another owner's of the same name is no match. */
function nameIfBare(space: string): string | null {
  return space.includes('/') ? null : space
}
