import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { password as passwordSchema, type UserId, userId as userIdSchema } from '@websocket-spaces/protocol'
import { v7 as uuid } from 'uuid'
import { EXPECTED, StartupError } from '../startup-error.ts'
import type { Auth } from './auth.ts'
import type { SettingsStore, UserDirectory } from './ports.ts'
import { makePassword } from './secret.ts'
import { readSecretFile, writeSecretFile } from './secret-file.ts'
import { addUser, hasPassword } from './passwords.ts'

/** In the data directory; holds nothing but the password, and only until that is changed. */
export const ADMIN_PASSWORD_FILE = 'admin-password.txt'
const ADMIN_USERNAME = 'admin'
/** Milliseconds that a sign-up on another node may be between its two steps. */
const BEING_MADE = 60_000
/** Setting: id of the user whose generated password is still in use. */
const INITIAL_USER = 'initial_password_user'

export interface FirstAdmin {
  /** To be shown once; null when the hub has its users already. `passwordFile` is null when ADMIN_PASSWORD was given. */
  readonly created: { readonly username: string; readonly password: string; readonly passwordFile: string | null } | null
  /** Whether this user still signs in with the generated password. */
  isInitialPassword(userId: UserId): Promise<boolean>
  /** Call after any change of a password: the file with the generated one is deleted when it was that one. */
  readonly passwordChanged: (userId: UserId) => Promise<void>
}

export interface FirstAdminOptions {
  readonly auth: Auth
  readonly users: UserDirectory
  readonly settings: SettingsStore
  readonly dataDir: string
  /** Other nodes may be signing people up while this one starts, and the first password may lie in the data directory of one of them. */
  readonly sharedStore?: boolean
  /** ADMIN_PASSWORD; without it one is generated. */
  readonly adminPassword: string | undefined
  readonly onError: (message: string, details: unknown) => void
}

/** Makes sure there is somebody who can sign in as admin. Throws {@link StartupError}. */
export async function ensureFirstAdmin(options: FirstAdminOptions): Promise<FirstAdmin> {
  const { auth, users, settings, dataDir, sharedStore = false, onError } = options
  const path = join(dataDir, ADMIN_PASSWORD_FILE)

  async function isInitialPassword(userId: UserId): Promise<boolean> {
    return (await settings.get(INITIAL_USER)) === userId
  }

  async function passwordChanged(userId: UserId): Promise<void> {
    if (!(await isInitialPassword(userId))) return
    await settings.set(INITIAL_USER, null)
    await rm(path, { force: true }).catch((error: unknown) => onError(`could not delete ${path}, which is no longer needed`, error))
  }

  /** A crash between the change of the password and the deletion of the file. */
  async function finishChange(): Promise<void> {
    const initialUser = await settings.get(INITIAL_USER)
    const written = await readSecretFile(path)
    if (written === null && (initialUser === null || sharedStore)) return
    if (initialUser !== null && written !== null && (await hasPassword(auth, initialUser, written))) return
    await settings.set(INITIAL_USER, null)
    if (written !== null) await rm(path, { force: true })
  }

  await users.removeHalfMade({ username: ADMIN_USERNAME })
  await users.removeHalfMade({ before: sharedStore ? Date.now() - BEING_MADE : Infinity })
  const created = (await users.isEmpty()) ? await createAdmin(options, path) : null
  if (created === null) await finishChange()
  return { created, isInitialPassword, passwordChanged }
}

async function createAdmin({ auth, settings, adminPassword }: FirstAdminOptions, path: string): Promise<FirstAdmin['created']> {
  const id = userIdSchema.parse(uuid())
  if (adminPassword !== undefined) {
    await addUser(auth, { id, username: ADMIN_USERNAME, password: checked(adminPassword), role: 'admin' })
    return { username: ADMIN_USERNAME, password: adminPassword, passwordFile: null }
  }
  const password = makePassword()
  // The file comes first: were the hub killed after making the user, nobody would know the password.
  await writeSecretFile(path, password)
  await settings.set(INITIAL_USER, id)
  await addUser(auth, { id, username: ADMIN_USERNAME, password, role: 'admin' })
  return { username: ADMIN_USERNAME, password, passwordFile: path }
}

function checked(password: string): string {
  const result = passwordSchema.safeParse(password)
  if (result.success) return result.data
  throw new StartupError('config_invalid', { name: 'ADMIN_PASSWORD', expected: EXPECTED.ADMIN_PASSWORD })
}
