import { LRUCache } from 'lru-cache'
import { SpacesError, type UserId, userId as userIdSchema, username as usernameSchema } from '@websocket-spaces/protocol'
import { translateAuthError } from './auth-errors.ts'
import type { Auth } from './auth.ts'
import type { Caller } from './identity.ts'
import type { UserDirectory } from './ports.ts'
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
  /** All tries from one address, good ones too: each costs the hub the time of a password hash. */
  readonly load: ThrottleRule
  /** Failed tries from one address. */
  readonly address: ThrottleRule
  /** Failed tries at one username, from anywhere. */
  readonly username: ThrottleRule
}

const MINUTE = 60_000
export const SIGN_IN_RULES: SignInRules = {
  load: { max: 120, window: MINUTE },
  address: { max: 10, window: MINUTE },
  username: { max: 10, window: 5 * MINUTE },
}
/** More than anybody has browsers; the oldest sessions beyond it end. */
const SESSIONS_PER_USER = 50
const KNOWN_PLACES = 10_000

export interface SignInOptions {
  readonly auth: Auth
  readonly users: UserDirectory
  readonly now: () => number
  readonly rules: SignInRules
}

/**
 * Signs in by username and password. An unknown name costs as much time as a wrong password and gets the same answer.
 * Throws `invalid_credentials`, `banned` (after a right password only) or `rate_limited`.
 */
export function createSignIn({ auth, users, now, rules }: SignInOptions): (body: SignInBody, caller: Caller) => Promise<SignedIn> {
  const load = createThrottle(rules.load, now)
  const byAddress = createThrottle(rules.address, now)
  const byUsername = createThrottle(rules.username, now)
  // Where a user signed in before, strangers who guess at the name cannot lock the user out.
  const knownPlaces = new LRUCache<string, true>({ max: KNOWN_PLACES })

  return async (body, caller) => {
    const address = addressBucket(caller.address)
    load.take(address)
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
    await users.trimSessions(signedIn.userId, SESSIONS_PER_USER)
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
