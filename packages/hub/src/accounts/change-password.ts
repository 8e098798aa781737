import { translateAuthError } from './auth-errors.ts'
import type { Auth } from './auth.ts'
import type { Caller, Identity } from './identity.ts'
import { callerHeaders } from './sessions.ts'
import type { SignedIn } from './sign-in.ts'
import { createThrottle, type ThrottleRule } from './throttle.ts'

export interface ChangePasswordBody {
  readonly currentPassword: string
  readonly newPassword: string
}

/** Wrong current passwords per user. */
export const CHANGE_PASSWORD_RULE: ThrottleRule = { max: 10, window: 5 * 60_000 }

/**
 * Changes the password of the signed-in user, ends all other sessions and replaces this one.
 * Throws `wrong_password`, `not_signed_in` or `rate_limited`.
 */
export function createChangePassword(
  auth: Auth,
  now: () => number,
  rule: ThrottleRule,
): (identity: Identity, body: ChangePasswordBody, caller: Caller) => Promise<SignedIn> {
  const byUser = createThrottle(rule, now)

  return async ({ userId }, { currentPassword, newPassword }, caller) => {
    byUser.take(userId)
    try {
      const body = { currentPassword, newPassword, revokeOtherSessions: true }
      const { headers } = await auth.api.changePassword({ body, headers: callerHeaders(caller), returnHeaders: true })
      byUser.giveBack(userId)
      return { userId, cookies: headers.getSetCookie() }
    } catch (error) {
      throw translateAuthError(error)
    }
  }
}
