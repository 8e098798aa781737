import { createHash } from 'node:crypto'
import { betterAuth, type BetterAuthOptions } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { admin, username } from 'better-auth/plugins'
import { v7 as uuid } from 'uuid'
import { LIMITS, username as usernameSchema } from '@websocket-spaces/protocol'

/** The only header the address of a session is taken from; the hub writes it itself. */
export const ADDRESS_HEADER = 'x-hub-address'

const DAY = 24 * 60 * 60

/** The store's own connection, a Kysely instance, in the form better-auth takes it. */
export interface AuthDatabase {
  readonly db: object
  readonly type: 'sqlite' | 'postgres'
}

export interface AuthOptions {
  readonly database: AuthDatabase
  /** Signs the session cookies. */
  readonly secret: string
  /** Whether people open the hub by https only. */
  readonly secureCookies: boolean
  readonly onError: (message: string, details: unknown) => void
}

/**
 * better-auth keeps passwords and sessions. Its own HTTP handler is never mounted: the hub calls the few
 * functions it needs, after its own checks of origin and rate, so no other endpoint can be reached.
 */
export function createAuth(options: AuthOptions) {
  return betterAuth(authConfig(options))
}

export type Auth = ReturnType<typeof createAuth>

/** Makes or extends better-auth's tables; call it once before the first use. */
export async function migrateAuth(options: AuthOptions): Promise<void> {
  const { runMigrations } = await getMigrations(authConfig(options))
  await runMigrations()
}

function authConfig({ database, secret, secureCookies, onError }: AuthOptions) {
  return {
    appName: 'WebSocket Spaces',
    // Never used to reach anything: links and redirects are better-auth features the hub does not offer.
    baseURL: 'http://hub.invalid',
    database,
    secret,
    // Given twice: without this one, better-auth would prefer keys it finds in the environment.
    secrets: [{ version: 1, value: secret }],
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    emailAndPassword: { enabled: true, minPasswordLength: LIMITS.passwordMinChars, maxPasswordLength: LIMITS.passwordMaxChars },
    session: { expiresIn: 30 * DAY, updateAge: DAY, cookieCache: { enabled: false } },
    advanced: {
      database: { generateId: () => uuid() },
      useSecureCookies: secureCookies,
      // Cookies ignore the port: without its own name, a second hub on this host would sign people out of the first.
      cookiePrefix: `spaces-${createHash('sha256').update(secret).digest('hex').slice(0, 8)}`,
      ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] },
    },
    logger: {
      level: 'error',
      log(_level: string, message: string, ...details: unknown[]) {
        onError(message, details)
      },
    },
    plugins: [
      username({
        minUsernameLength: LIMITS.usernameMinChars,
        maxUsernameLength: LIMITS.usernameMaxChars,
        usernameValidator: (name) => usernameSchema.safeParse(name).success,
      }),
      admin(),
    ],
  } satisfies BetterAuthOptions
}
