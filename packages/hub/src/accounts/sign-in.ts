import { LRUCache } from 'lru-cache'
import { SpacesError, type UserId, userId as userIdSchema, username as usernameSchema } from '@websocket-spaces/protocol'
import { translateAuthError } from './auth-errors.ts'
import type { Auth } from './auth.ts'
import type { Caller } from './identity.ts'
import { callerHeaders } from './sessions.ts'
import { addressBucket, createThrottle, type ThrottleRule } from './throttle.ts'

export interface SignedIn {
  readonly userId: UserId
  /** To be sent as they are, one `Set-Cookie` header each. */
  readonly cookies: readonly string[]
}

export interface SignInBody {
  readonly username: string
  readonly password: string
}

export interface SignInRules {
  /** Failed tries from one address. */
  readonly address: ThrottleRule
  /** Failed tries at one username, from anywhere. */
  readonly username: ThrottleRule
}

const MINUTE = 60_000
export const SIGN_IN_RULES: SignInRules = { address: { max: 10, window: MINUTE }, username: { max: 10, window: 5 * MINUTE } }
const KNOWN_PLACES = 10_000

/**
 * Signs in by username and password. An unknown name costs as much time as a wrong password and gets the same answer.
 * Throws `invalid_credentials`, `banned` (after a right password only) or `rate_limited`.
 */
export function createSignIn(auth: Auth, now: () => number, rules: SignInRules): (body: SignInBody, caller: Caller) => Promise<SignedIn> {
  const byAddress = createThrottle(rules.address, now)
  const byUsername = createThrottle(rules.username, now)
  // Where a user signed in before, strangers who guess at the name cannot lock the user out.
  const knownPlaces = new LRUCache<string, true>({ max: KNOWN_PLACES })

  return async (body, caller) => {
    const address = addressBucket(caller.address)
    byAddress.take(address)
    const username = usernameSchema.safeParse(body.username)
    if (!username.success) throw new SpacesError('invalid_credentials')
    const account = username.data.toLowerCase()
    const place = `${address} ${account}`
    const isKnown = knownPlaces.has(place)
    if (!isKnown) byUsername.take(account)
    const signedIn = await passwordSignIn(auth, body, caller)
    byAddress.giveBack(address)
    if (!isKnown) byUsername.giveBack(account)
    knownPlaces.set(place, true)
    return signedIn
  }
}

async function passwordSignIn(auth: Auth, { username, password }: SignInBody, caller: Caller): Promise<SignedIn> {
  try {
    const headers = callerHeaders({ ...caller, cookie: undefined })
    const signedIn = await auth.api.signInUsername({ body: { username, password }, headers, returnHeaders: true })
    return { userId: userIdSchema.parse(signedIn.response.user.id), cookies: signedIn.headers.getSetCookie() }
  } catch (error) {
    throw translateAuthError(error)
  }
}
