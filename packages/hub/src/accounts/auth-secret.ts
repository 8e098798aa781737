import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { StartupError } from '../startup-error.ts'
import type { SettingsStore } from './ports.ts'
import { readSecretFile, writeSecretFile } from './secret-file.ts'

const MIN_CHARS = 32
const SHARED_SECRET = 'auth_secret'

/** The key that signs session cookies, from `auth-secret` in the data directory; made on the first start. Throws {@link StartupError}. */
export async function loadOrCreateSecret(dataDir: string): Promise<string> {
  const stored = await loadSecret(dataDir)
  if (stored !== null) return stored
  const secret = makeSecret()
  await writeSecretFile(pathIn(dataDir), secret)
  return secret
}

/** The key in the data directory, or null when none was made yet. Throws {@link StartupError}. */
export async function loadSecret(dataDir: string): Promise<string | null> {
  const stored = await readSecretFile(pathIn(dataDir))
  if (stored !== null && stored.length < MIN_CHARS) throw new StartupError('secret_damaged', { path: pathIn(dataDir) })
  return stored
}

function pathIn(dataDir: string): string {
  return join(dataDir, 'auth-secret')
}

/** As {@link loadOrCreateSecret}, for nodes that share a database and so must know each other's cookies. One node at a time. */
export async function loadOrCreateSharedSecret(settings: SettingsStore): Promise<string> {
  const stored = await settings.get(SHARED_SECRET)
  if (stored !== null) return stored
  return shareSecret(settings, makeSecret())
}

/** Has all nodes that share these settings sign with this key; returns it. */
export async function shareSecret(settings: SettingsStore, secret: string): Promise<string> {
  await settings.set(SHARED_SECRET, secret)
  return secret
}

function makeSecret(): string {
  return randomBytes(48).toString('base64url')
}
