import { SpacesError, userId as userIdSchema } from '@websocket-spaces/protocol'
import { authErrorCode, translateAuthError } from './auth-errors.ts'
import type { Auth } from './auth.ts'
import type { Caller } from './identity.ts'
import type { Invites } from './invites.ts'
import { syntheticEmail } from './passwords.ts'
import type { UserDirectory } from './ports.ts'
import type { Registration } from './registration.ts'
import { callerHeaders } from './sessions.ts'
import type { SignedIn } from './sign-in.ts'
import { addressBucket, createThrottle, type ThrottleRule } from './throttle.ts'

export interface SignUpBody {
  readonly username: string
  readonly password: string
  readonly invite?: string | undefined
}

export interface SignUpOptions {
  readonly auth: Auth
  readonly users: UserDirectory
  readonly invites: Invites
  readonly registration: Registration
  readonly now: () => number
  /** Tries from one address, good or not: a class behind one address may register together. */
  readonly rule: ThrottleRule
}

export const SIGN_UP_RULE: ThrottleRule = { max: 60, window: 60_000 }

/** Names that would pass for the hub itself. `admin` is made on the first start and so is taken anyway. */
const RESERVED = new Set(
  'admin administrator anonymous api everyone hub me mod moderator nobody null official root security staff support system undefined websocket-spaces'.split(
    ' ',
  ),
)

/**
 * Registers a user and signs in. Throws `registration_closed`, `invite_required`, `username_taken` or `rate_limited`.
 * An invite is only used up when the account was made.
 */
export function createSignUp(options: SignUpOptions): (body: SignUpBody, caller: Caller) => Promise<SignedIn> {
  const { registration, invites, users, now, rule } = options
  const byAddress = createThrottle(rule, now)

  return async (body, caller) => {
    const mode = await registration.mode()
    if (mode === 'closed') throw new SpacesError('registration_closed')
    byAddress.take(addressBucket(caller.address))
    if (mode === 'invite') await invites.check(body.invite)
    if (RESERVED.has(body.username.toLowerCase()) || (await users.findByName(body.username)) !== null)
      throw new SpacesError('username_taken')
    if (mode === 'open') return register(options, body, caller)
    return invites.spend(body.invite, () => register(options, body, caller))
  }
}

async function register({ auth, users }: SignUpOptions, { username, password }: SignUpBody, caller: Caller): Promise<SignedIn> {
  const names = { username, displayUsername: username, name: username, email: syntheticEmail(username) }
  const headers = callerHeaders({ ...caller, cookie: undefined })
  try {
    const registered = await auth.api.signUpEmail({ body: { ...names, password }, headers, returnHeaders: true })
    return { userId: userIdSchema.parse(registered.response.user.id), cookies: registered.headers.getSetCookie() }
  } catch (error) {
    // Of two who register one name at the same time, the slower one is refused by the database, which better-auth does not explain.
    const lostRace = authErrorCode(error) === 'FAILED_TO_CREATE_USER' && (await users.findByName(username)) !== null
    if (lostRace) throw new SpacesError('username_taken', {}, { cause: error })
    const translated = translateAuthError(error)
    if (!(translated instanceof SpacesError)) await users.removeHalfMade({ username })
    throw translated
  }
}
