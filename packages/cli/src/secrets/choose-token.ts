import type { StoredToken } from './secret-store.ts'

export interface ChosenToken {
  readonly token: string
  /** False for one made for another space, sent only so that the hub says what is wrong with the name. */
  readonly meant: boolean
}

/**
 * The stored token to register with for `space` (`name` or `owner/name`): the one made for it,
 * else one for all spaces of an owner, else that of a space whose name differs in case only, else the newest of this hub.
 * @param tokens those of this hub, newest first
 */
export function chooseToken(tokens: readonly StoredToken[], space: string): ChosenToken | undefined {
  const asked = parts(space)
  const made = tokens.find((stored) => {
    const its = parts(stored.space ?? '')
    return its.name === asked.name && (asked.owner === undefined || its.owner === asked.owner)
  })
  const meant = made ?? tokens.find((stored) => stored.space === null)
  if (meant !== undefined) return { token: meant.token, meant: true }
  const other = tokens.find((stored) => sameButForCase(parts(stored.space ?? '').name, asked.name)) ?? tokens[0]
  return other === undefined ? undefined : { token: other.token, meant: false }
}

function sameButForCase(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

/** Upper and lower case count in a space's name, but not in its owner's. */
function parts(reference: string): { readonly owner: string | undefined; readonly name: string } {
  const slash = reference.indexOf('/')
  return { owner: slash < 0 ? undefined : reference.slice(0, slash).toLowerCase(), name: reference.slice(slash + 1) }
}
