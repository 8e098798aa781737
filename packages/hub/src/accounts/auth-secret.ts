import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { StartupError } from '../startup-error.ts'
import { readSecretFile, writeSecretFile } from './secret-file.ts'

const MIN_CHARS = 32

/** The key that signs session cookies, from `auth-secret` in the data directory; made on the first start. Throws {@link StartupError}. */
export async function loadOrCreateSecret(dataDir: string): Promise<string> {
  const path = join(dataDir, 'auth-secret')
  const stored = await readSecretFile(path)
  if (stored !== null && stored.length >= MIN_CHARS) return stored
  if (stored !== null) throw new StartupError('secret_damaged', { path })
  const secret = randomBytes(48).toString('base64url')
  await writeSecretFile(path, secret)
  return secret
}
