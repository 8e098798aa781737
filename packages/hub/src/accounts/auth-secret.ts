import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { StartupError } from '../startup-error.ts'
import type { SettingsStore } from './ports.ts'
import { readSecretFile, writeSecretFile } from './secret-file.ts'

const MIN_CHARS = 32
const SHARED_SECRET = 'auth_secret'

/** The key that signs session cookies, from `auth-secret` in the data directory; made on the first start. Throws {@link StartupError}. */
export async function loadOrCreateSecret(dataDir: string): Promise<string> {
  const path = join(dataDir, 'auth-secret')
  const stored = await readSecretFile(path)
  if (stored !== null && stored.length >= MIN_CHARS) return stored
  if (stored !== null) throw new StartupError('secret_damaged', { path })
  const secret = makeSecret()
  await writeSecretFile(path, secret)
  return secret
}

/** As {@link loadOrCreateSecret}, for nodes that share a database and so must know each other's cookies. One node at a time. */
export async function loadOrCreateSharedSecret(settings: SettingsStore): Promise<string> {
  const stored = await settings.get(SHARED_SECRET)
  if (stored !== null) return stored
  const secret = makeSecret()
  await settings.set(SHARED_SECRET, secret)
  return secret
}

function makeSecret(): string {
  return randomBytes(48).toString('base64url')
}
