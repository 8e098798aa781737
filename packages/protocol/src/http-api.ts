/** Bodies and answers of the HTTP API under `/api/v1`. */
import { z } from 'zod'
import { ERROR_CODES } from './errors.ts'
import { secretId, userId } from './ids.ts'
import { RULES } from './input-problem.ts'
import { LIMITS } from './limits.ts'
import { priority, requestInput, requestView } from './request.ts'
import { category, space } from './space.ts'

export const errorBody = z.object({
  error: z.object({ code: z.enum(ERROR_CODES), message: z.string(), field: z.string().optional() }),
})
export type ErrorBody = z.infer<typeof errorBody>

const cursor = z.string().max(128).optional()
const pageLimit = z.coerce.number().int().min(1).max(100).default(LIMITS.pageSize)

export const listSpacesQuery = z.object({
  search: z.string().max(100).optional(),
  category: category.optional(),
  tag: z.string().max(LIMITS.tagChars).optional(),
  owner: z.string().max(LIMITS.usernameMaxChars).optional(),
  cursor,
  limit: pageLimit,
})
export type ListSpacesQuery = z.input<typeof listSpacesQuery>
export const spacePage = z.object({ spaces: z.array(space), next: z.string().nullable() })
export type SpacePage = z.infer<typeof spacePage>

export const submitBody = z.strictObject({ input: requestInput, priority: priority.default('normal') })
export type SubmitBody = z.infer<typeof submitBody>
/** `mine=false` asks for everyone's requests; owner and admin only. */
export const listRequestsQuery = z.object({ cursor, limit: pageLimit, mine: z.stringbool().default(true) })
export const requestPage = z.object({ requests: z.array(requestView), next: z.string().nullable() })
export type RequestPage = z.infer<typeof requestPage>

/** A connect token or API key as listed: `hint` is its last four characters. */
export const secretView = z.object({
  id: secretId,
  name: z.string(),
  hint: z.string(),
  /** Connect tokens only: `owner/name`, or null for all spaces of the owner. */
  space: z.string().nullable(),
  created_at: z.string(),
  last_used_at: z.string().nullable(),
})
export type SecretView = z.infer<typeof secretView>
export const secretList = z.object({ items: z.array(secretView) })
export const createSecretBody = z.strictObject({ name: z.string().trim().min(1).max(64) })
/** The only time the secret itself is shown. */
export const createdSecret = secretView.extend({ token: z.string() })
export type CreatedSecret = z.infer<typeof createdSecret>

export const ROLES = ['user', 'admin'] as const
export const role = z.enum(ROLES)
export type Role = z.infer<typeof role>

export const username = z
  .string()
  .min(LIMITS.usernameMinChars)
  .max(LIMITS.usernameMaxChars)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, RULES.name.en)
export const password = z.string().min(LIMITS.passwordMinChars).max(LIMITS.passwordMaxChars)

export const me = z.object({
  id: userId,
  username: z.string(),
  role,
  /** True while the generated first password of `admin` is still in use. */
  initial_password: z.boolean(),
})
export type Me = z.infer<typeof me>

export const REGISTRATION_MODES = ['open', 'invite', 'closed'] as const
export const registrationMode = z.enum(REGISTRATION_MODES)
export type RegistrationMode = z.infer<typeof registrationMode>

/** What a page needs before anyone is signed in. */
export const hubInfo = z.object({
  name: z.string(),
  version: z.string(),
  registration: registrationMode,
  /** Finished requests are deleted so many days after they ended; 0 = never. */
  retention_days: z.number().int().default(0),
})
export type HubInfo = z.infer<typeof hubInfo>

export const userView = z.object({
  id: userId,
  username: z.string(),
  role,
  banned: z.boolean(),
  created_at: z.string(),
  spaces: z.number().int(),
  requests: z.number().int(),
})
export type UserView = z.infer<typeof userView>
export const userPage = z.object({ users: z.array(userView), next: z.string().nullable() })
export type UserPage = z.infer<typeof userPage>
export const listUsersQuery = z.object({ search: z.string().max(100).optional(), cursor, limit: pageLimit })
export const updateUserBody = z.strictObject({ role, banned: z.boolean(), password }).partial()
export type UpdateUserBody = z.infer<typeof updateUserBody>

export const hubSettings = z.strictObject({ registration: registrationMode })
export type HubSettings = z.infer<typeof hubSettings>

export const inviteView = z.object({
  id: secretId,
  note: z.string(),
  hint: z.string(),
  uses_left: z.number().int(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
})
export type InviteView = z.infer<typeof inviteView>
export const inviteList = z.object({ items: z.array(inviteView) })
export const createInviteBody = z.strictObject({
  note: z.string().max(64).default(''),
  uses: z.number().int().min(1).max(1_000).default(1),
  expires_in_days: z.number().int().min(1).max(365).nullable().default(30),
})
export const createdInvite = inviteView.extend({ code: z.string() })

export const overview = z.object({
  users: z.number().int(),
  spaces: z.number().int(),
  connections: z.number().int(),
  queued: z.number().int(),
  processing: z.number().int(),
  finished_today: z.number().int(),
})
export type Overview = z.infer<typeof overview>

/** Body of `POST /api/auth/sign-up/email`, better-auth's route; the hub fills in the e-mail address. */
export const signUpBody = z.object({ username, password, invite: z.string().max(64).optional() })
export const spaceReferenceParams = z.object({
  owner: z.string().max(LIMITS.usernameMaxChars),
  name: z.string().max(LIMITS.spaceNameChars),
})
export const requestParams = z.object({ id: z.string().min(1).max(64) })
export const secretParams = z.object({ id: secretId })
export const userParams = z.object({ id: userId })
