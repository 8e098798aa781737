import { isAPIError } from 'better-auth/api'
import { type ErrorCode, SpacesError } from '@websocket-spaces/protocol'

const CODES: Readonly<Record<string, ErrorCode>> = {
  INVALID_USERNAME_OR_PASSWORD: 'invalid_credentials',
  INVALID_USERNAME: 'invalid_credentials',
  USERNAME_TOO_SHORT: 'invalid_credentials',
  USERNAME_TOO_LONG: 'invalid_credentials',
  PASSWORD_TOO_LONG: 'invalid_credentials',
  INVALID_PASSWORD: 'wrong_password',
  BANNED_USER: 'banned',
  USERNAME_IS_ALREADY_TAKEN: 'username_taken',
  USER_ALREADY_EXISTS: 'username_taken',
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: 'username_taken',
  UNAUTHORIZED: 'not_signed_in',
}

/** What better-auth threw, as one of our errors where it is a person's doing, unchanged otherwise. */
export function translateAuthError(error: unknown): unknown {
  const code = authErrorCode(error)
  const ours = code === undefined ? undefined : CODES[code]
  return ours === undefined ? error : new SpacesError(ours, {}, { cause: error })
}

export function authErrorCode(error: unknown): string | undefined {
  return isAPIError(error) && typeof error.body?.code === 'string' ? error.body.code : undefined
}
