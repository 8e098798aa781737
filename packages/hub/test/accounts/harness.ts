import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SecretId, UserId } from '@websocket-spaces/protocol'
import { type Accounts, createAccounts } from '../../src/accounts/accounts.ts'
import { loadOrCreateSecret } from '../../src/accounts/auth-secret.ts'
import type { Caller, Identity } from '../../src/accounts/identity.ts'
import type { SignedIn } from '../../src/accounts/sign-in.ts'
import type { Database } from '../../src/store/database.ts'
import { createInviteStore } from '../../src/store/invites.ts'
import { openDatabase } from '../../src/store/open.ts'
import { createSecretStore } from '../../src/store/secrets.ts'
import { createSettingsStore } from '../../src/store/settings.ts'
import { createUserDirectory } from '../../src/store/users.ts'

export const ADMIN_PASSWORD = 'correct horse battery'

export interface TestAccounts extends AsyncDisposable {
  readonly accounts: Accounts
  readonly db: Database
  readonly dataDir: string
  readonly revokedTokens: SecretId[]
  readonly revokedUsers: UserId[]
  readonly errors: string[]
  /** Moves the clock of throttles, invites and `last_used_at`. */
  advance(milliseconds: number): void
  /** Closes everything as a stop would and opens it again on the same directory. */
  restart(): Promise<TestAccounts>
}

export interface TestOptions {
  readonly adminPassword?: string | undefined
  readonly publicUrl?: string
  readonly dataDir?: string
}

export async function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'hub-accounts-'))
}

/** Accounts on a real SQLite file. `adminPassword: undefined` lets the first admin's password be generated. */
export async function openAccounts(options: TestOptions = { adminPassword: ADMIN_PASSWORD }): Promise<TestAccounts> {
  const dataDir = options.dataDir ?? (await temporaryDirectory())
  const database = await openDatabase({ dataDir })
  const { db } = database
  const revokedTokens: SecretId[] = []
  const revokedUsers: UserId[] = []
  const errors: string[] = []
  let ahead = 0
  const accounts = await createAccounts({
    database: { db, type: 'sqlite' },
    secrets: createSecretStore(db),
    invites: createInviteStore(db),
    settings: createSettingsStore(db),
    users: createUserDirectory(db),
    dataDir,
    secret: await loadOrCreateSecret(dataDir),
    publicUrl: options.publicUrl,
    adminPassword: options.adminPassword,
    onRevoked: (ids) => revokedTokens.push(...ids),
    onUserRevoked: (id) => revokedUsers.push(id),
    onError: (message) => errors.push(message),
    now: () => Date.now() + ahead,
  })
  const close = async (): Promise<void> => {
    await accounts.close()
    await database.close()
  }
  return {
    accounts,
    db,
    dataDir,
    revokedTokens,
    revokedUsers,
    errors,
    advance(milliseconds) {
      ahead += milliseconds
    },
    async restart() {
      await close()
      return openAccounts({ ...options, dataDir })
    },
    async [Symbol.asyncDispose]() {
      await close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** Somebody at an address; 10.x addresses are told apart by every limit. */
export function from(address: string, cookie?: string): Caller {
  return { address, userAgent: 'test', cookie }
}

/** The cookie header a browser would send back. */
export function cookieOf(signedIn: SignedIn): string {
  return signedIn.cookies.map((cookie) => cookie.split(';')[0]).join('; ')
}

export async function register(
  { accounts }: TestAccounts,
  username: string,
  password = 'password-1',
): Promise<{ cookie: string; identity: Identity }> {
  const cookie = cookieOf(await accounts.signUp({ username, password }, from('10.9.9.9')))
  return { cookie, identity: await mustAuthenticate(accounts, cookie) }
}

export async function signInAdmin({ accounts }: TestAccounts, password = ADMIN_PASSWORD): Promise<{ cookie: string; identity: Identity }> {
  const cookie = cookieOf(await accounts.signIn({ username: 'admin', password }, from('10.8.8.8')))
  return { cookie, identity: await mustAuthenticate(accounts, cookie) }
}

async function mustAuthenticate(accounts: Accounts, cookie: string): Promise<Identity> {
  const identity = await accounts.authenticate({ cookie })
  if (identity === null) throw new Error('not signed in')
  return identity
}

/** The `code` an attempt was refused with; anything else fails the test. */
export async function refusal(attempt: Promise<unknown>): Promise<string> {
  const outcome = await attempt.then(
    () => ({ code: 'accepted' }),
    (error: unknown) => error,
  )
  if (outcome instanceof Object && 'code' in outcome) return String(outcome.code)
  throw outcome
}
