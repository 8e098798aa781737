import type { StoredToken } from './secret-store.ts'

/**
 * The stored token to register with for `space` (`name` or `owner/name`): the one made for it,
 * else the newest one of this hub, which may be for all spaces of an owner.
 * @param tokens those of this hub, newest first
 */
export function chooseToken(tokens: readonly StoredToken[], space: string): string | undefined {
  const asked = parts(space)
  const matching = tokens.find((stored) => {
    const made = parts(stored.space ?? '')
    return made.name === asked.name && (asked.owner === undefined || made.owner === asked.owner)
  })
  return (matching ?? tokens[0])?.token
}

/** Upper and lower case count in a space's name, but not in its owner's. */
function parts(reference: string): { readonly owner: string | undefined; readonly name: string } {
  const slash = reference.indexOf('/')
  return { owner: slash < 0 ? undefined : reference.slice(0, slash).toLowerCase(), name: reference.slice(slash + 1) }
}
