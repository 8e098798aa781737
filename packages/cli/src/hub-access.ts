import { SpacesClient } from '@websocket-spaces/client'
import { SpacesError } from '@websocket-spaces/protocol'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Cli } from './cli.ts'
import { CommandFailure } from './failures.ts'

export interface AdminOptions {
  readonly adminUser: string
  readonly adminPass?: string | undefined
}

/** Where a hub keeps the admin password it generated, until that is changed. */
export function adminPasswordFile(env: NodeJS.ProcessEnv, dataDir = env['DATA_DIR'] ?? './data'): string {
  return join(resolve(dataDir), 'admin-password.txt')
}

/**
 * Signs in as admin: with `--admin-pass`, ADMIN_PASSWORD, or the initial password when this is the hub's own machine.
 * @throws CommandFailure that says how to pass credentials
 */
export async function signInAsAdmin(cli: Cli, host: string, options: AdminOptions): Promise<SpacesClient> {
  const client = new SpacesClient({ host, language: cli.language })
  const file = adminPasswordFile(cli.env)
  const password = options.adminPass ?? cli.env['ADMIN_PASSWORD'] ?? (await readPassword(file))
  if (password === undefined) {
    await client.info()
    throw new CommandFailure('admin.no_password', { user: options.adminUser, file })
  }
  try {
    await client.signIn(options.adminUser, password)
  } catch (error) {
    if (!(error instanceof SpacesError) || error.code !== 'invalid_credentials') throw error
    throw new CommandFailure('admin.wrong_password', { user: options.adminUser, host: client.origin }, { cause: error })
  }
  return client
}

async function readPassword(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trim() === '' ? undefined : text.trim()
}

/** A client with the API key of WSS_API_KEY or of `spaces login`. @throws CommandFailure when there is none. */
export async function loggedInClient(cli: Cli, host: string): Promise<SpacesClient> {
  const apiKey = cli.env['WSS_API_KEY'] ?? (await cli.secrets.keyFor(host))?.key
  if (apiKey === undefined) throw new CommandFailure('login.needed', { host })
  return new SpacesClient({ host, apiKey, language: cli.language })
}
