/**
 * Secrets in the user's config directory: one file each (0600) in a directory of its own (0700),
 * so that two commands that save at once cannot overwrite each other's.
 */
import envPaths from 'env-paths'
import { createHash, randomUUID } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CommandFailure } from '../command-failure.ts'
import { hostKey } from './host-key.ts'

export const storedToken = z.object({
  host: z.string(),
  /** `owner/name`; null = all spaces of the owner. */
  space: z.string().nullable(),
  token: z.string(),
  saved_at: z.string(),
})
export type StoredToken = z.infer<typeof storedToken>

const storedKey = z.object({ host: z.string(), id: z.string(), username: z.string(), key: z.string(), saved_at: z.string() })
export type StoredKey = z.infer<typeof storedKey>

export interface SecretStore {
  readonly directory: string
  readonly saveToken: (host: string, space: string | null, token: string) => Promise<void>
  /** Those for this hub, newest first. */
  readonly tokensFor: (host: string) => Promise<StoredToken[]>
  readonly saveKey: (host: string, key: Pick<StoredKey, 'id' | 'username' | 'key'>) => Promise<void>
  readonly keyFor: (host: string) => Promise<StoredKey | undefined>
  readonly forgetKey: (host: string) => Promise<void>
}

export function createSecretStore(directory: string = envPaths('websocket-spaces', { suffix: '' }).config): SecretStore {
  const tokens = join(directory, 'connect-tokens')
  const keys = join(directory, 'api-keys')
  const keyFile = (host: string) => join(keys, fileName(hostKey(host)))

  return {
    directory,
    async saveToken(host, space, token) {
      const stored: StoredToken = { host: hostKey(host), space, token, saved_at: new Date().toISOString() }
      await write(tokens, fileName(`${stored.host}\n${space ?? ''}`), stored)
    },
    async tokensFor(host) {
      const names = await readdir(tokens).catch(() => [])
      const all = await Promise.all(names.map((name) => read(join(tokens, name), storedToken)))
      return all
        .filter((stored) => stored !== undefined)
        .filter((stored) => stored.host === hostKey(host))
        .toSorted((a, b) => b.saved_at.localeCompare(a.saved_at))
    },
    async saveKey(host, key) {
      const stored: StoredKey = { host: hostKey(host), ...key, saved_at: new Date().toISOString() }
      await write(keys, fileName(stored.host), stored)
    },
    keyFor: (host) => read(keyFile(host), storedKey),
    forgetKey: (host) => rm(keyFile(host), { force: true }),
  }
}

function fileName(key: string): string {
  return `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`
}

async function read<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T> | undefined> {
  try {
    const parsed = schema.safeParse(JSON.parse(await readFile(path, 'utf8')))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}

/** Whole or not at all, and never readable by others, not even for a moment. */
async function write(directory: string, name: string, content: object): Promise<void> {
  const unfinished = join(directory, `.${name}.${randomUUID()}`)
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await chmod(directory, 0o700)
    const file = await open(unfinished, 'wx', 0o600)
    try {
      await file.writeFile(`${JSON.stringify(content, null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(unfinished, join(directory, name))
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined)
    throw new CommandFailure(
      'error.config_dir',
      { path: directory, problem: error instanceof Error ? error.message : '' },
      { cause: error },
    )
  }
}
