import { type HubSettings, type Me, type RegistrationMode, type SecretId, SpacesError, type UserId } from '@websocket-spaces/protocol'
import { type ApiKeys, createApiKeys } from './api-keys.ts'
import { type Auth, type AuthDatabase, createAuth, migrateAuth } from './auth.ts'
import { CHANGE_PASSWORD_RULE, type ChangePasswordBody, createChangePassword } from './change-password.ts'
import { type ConnectTokens, createConnectTokens } from './connect-tokens.ts'
import { ensureFirstAdmin, type FirstAdmin } from './first-admin.ts'
import type { Caller, Credentials, Identity } from './identity.ts'
import { createInvites, type Invites } from './invites.ts'
import type { InviteStore, SecretStore, SettingsStore, UserDirectory } from './ports.ts'
import { createRegistration, type Registration } from './registration.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { createSignIn, SIGN_IN_RULES, type SignedIn, type SignInBody } from './sign-in.ts'
import { createSignUp, SIGN_UP_RULE, type SignUpBody } from './sign-up.ts'
import { createUserAdministration, type UserAdministration } from './users.ts'

export interface AccountsOptions {
  /** The store's own connection, as better-auth takes it. */
  readonly database: AuthDatabase
  readonly secrets: SecretStore
  readonly invites: InviteStore
  readonly settings: SettingsStore
  readonly users: UserDirectory
  /** Whether other nodes work on the same users, each with a data directory of its own. */
  readonly sharedStore?: boolean
  readonly dataDir: string
  /** Signs session cookies: {@link loadOrCreateSecret}. */
  readonly secret: string
  /** With an https one, cookies are sent over https only. */
  readonly publicUrl: string | undefined
  readonly adminPassword: string | undefined
  /** Connections that registered with one of these connect tokens must be closed at once. */
  readonly onRevoked: (tokenIds: readonly SecretId[]) => void
  /** The user's live sockets must be closed; those still allowed come back by themselves. */
  readonly onUserRevoked: (userId: UserId) => void
  readonly onError: (message: string, details: unknown) => void
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number
}

export interface Accounts extends AsyncDisposable {
  readonly firstAdmin: FirstAdmin['created']
  readonly connectTokens: ConnectTokens
  readonly apiKeys: ApiKeys
  readonly invites: Invites
  readonly users: UserAdministration
  /** Whose request or socket this is: an API key if there is one, else the session cookie. Null = nobody. */
  authenticate(credentials: Credentials): Promise<Identity | null>
  signUp(body: SignUpBody, caller: Caller): Promise<SignedIn>
  signIn(body: SignInBody, caller: Caller): Promise<SignedIn>
  /** Returns the cookies to set; signing out twice is no error. */
  signOut(caller: Caller): Promise<readonly string[]>
  changePassword(identity: Identity, body: ChangePasswordBody, caller: Caller): Promise<SignedIn>
  /** Prolongs a browser's session; returns the cookies to set. */
  renewSession(caller: Caller): Promise<readonly string[]>
  /** Throws `not_signed_in` for a user who is gone. */
  me(userId: UserId): Promise<Me>
  /** What is remembered of a user's identity is stale, as another node says. */
  forget(userId: UserId): void
  registrationMode(): Promise<RegistrationMode>
  settings(): Promise<HubSettings>
  updateSettings(settings: HubSettings): Promise<HubSettings>
  close(): Promise<void>
}

const PRUNE_EVERY = 60 * 60 * 1000

/** Brings better-auth's tables up to date and makes the first admin. Throws `StartupError`. */
export async function createAccounts(options: AccountsOptions): Promise<Accounts> {
  const { settings, users, secrets, onRevoked, onError, now = Date.now } = options
  const auth = await openAuth(options)
  const firstAdmin = await ensureFirstAdmin({ ...options, auth })
  const sessions = await createSessions(auth)
  const apiKeys = createApiKeys({ store: secrets, now, onRevoked: options.onUserRevoked, onError })
  const connectTokens = createConnectTokens({ store: secrets, now, onRevoked, onError })
  const invites = createInvites(options.invites, now)
  const registration = createRegistration(settings)
  const parts: Parts = { options, auth, firstAdmin, sessions, apiKeys, connectTokens, invites, registration, now }
  const stopPruning = await startPruning(users, now, onError)
  return {
    firstAdmin: firstAdmin.created,
    connectTokens,
    apiKeys,
    invites,
    users: administration(parts),
    ...signingIn(parts),
    authenticate: ({ cookie, authorization }) => {
      const key = /^Bearer +(wsk_\S+)$/i.exec(authorization ?? '')?.[1]
      return key === undefined ? sessions.identify(cookie) : apiKeys.identify(key)
    },
    me: (userId) => describe(parts, userId),
    forget(userId) {
      sessions.forget(userId)
      apiKeys.forget(userId)
    },
    registrationMode: registration.mode,
    settings: registration.settings,
    updateSettings: registration.update,
    close: stopPruning,
    [Symbol.asyncDispose]: stopPruning,
  }
}

interface Parts {
  readonly options: AccountsOptions
  readonly auth: Auth
  readonly firstAdmin: FirstAdmin
  readonly sessions: Sessions
  readonly apiKeys: ApiKeys
  readonly connectTokens: ConnectTokens
  readonly invites: Invites
  readonly registration: Registration
  readonly now: () => number
}

async function openAuth({ database, secret, publicUrl, onError }: AccountsOptions): Promise<Auth> {
  const authOptions = { database, secret, secureCookies: publicUrl?.startsWith('https://') ?? false, onError }
  await migrateAuth(authOptions)
  return createAuth(authOptions)
}

function signingIn(parts: Parts): Pick<Accounts, 'signUp' | 'signIn' | 'signOut' | 'changePassword' | 'renewSession'> {
  const { options, auth, firstAdmin, sessions, invites, registration, now } = parts
  const changePassword = createChangePassword(auth, now, CHANGE_PASSWORD_RULE)
  return {
    signUp: createSignUp({ auth, users: options.users, invites, registration, now, rule: SIGN_UP_RULE }),
    signIn: createSignIn({ auth, users: options.users, now, rules: SIGN_IN_RULES }),
    async signOut(caller) {
      const identity = await sessions.identify(caller.cookie)
      const cookies = await sessions.end(caller)
      if (identity !== null) forget(parts, identity.userId)
      return cookies
    },
    async changePassword(identity, body, caller) {
      const signedIn = await changePassword(identity, body, caller)
      forget(parts, identity.userId)
      await firstAdmin.passwordChanged(identity.userId)
      return signedIn
    },
    renewSession: sessions.renew,
  }
}

function administration(parts: Parts): UserAdministration {
  const { options, auth, connectTokens, firstAdmin } = parts
  return createUserAdministration({
    auth,
    users: options.users,
    onChanged: (id) => forget(parts, id),
    onBanned: connectTokens.dropConnections,
    onPasswordChanged: firstAdmin.passwordChanged,
  })
}

/** Whatever proved this user's identity so far must prove it again. */
function forget({ options, sessions, apiKeys }: Parts, userId: UserId): void {
  sessions.forget(userId)
  apiKeys.forget(userId)
  options.onUserRevoked(userId)
}

async function describe({ options, firstAdmin }: Parts, userId: UserId): Promise<Me> {
  const user = await options.users.find(userId)
  if (user === null) throw new SpacesError('not_signed_in')
  return { id: user.id, username: user.username, role: user.role, initial_password: await firstAdmin.isInitialPassword(userId) }
}

/** Sessions that nobody came back to would stay stored for ever. Returns how to stop. */
async function startPruning(users: UserDirectory, now: () => number, onError: AccountsOptions['onError']): Promise<() => Promise<void>> {
  async function prune(): Promise<void> {
    await users.removeExpiredSessions(now()).catch((error: unknown) => onError('could not remove expired sessions', error))
  }
  await prune()
  let running = Promise.resolve()
  const timer = setInterval(() => {
    running = prune()
  }, PRUNE_EVERY)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await running
  }
}
