import { SpacesClient } from '@websocket-spaces/client'
import { SpacesError } from '@websocket-spaces/protocol'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Cli } from './cli.ts'
import { CommandFailure } from './command-failure.ts'

export interface AdminOptions {
  readonly adminUser: string
  readonly adminPass?: string | undefined
}

/** Where a hub keeps the admin password it generated, until that is changed. */
export function adminPasswordFile(env: NodeJS.ProcessEnv, dataDir = env['DATA_DIR'] ?? './data'): string {
  return join(resolve(dataDir), 'admin-password.txt')
}

/**
 * The admin's password: `--admin-pass`, ADMIN_PASSWORD, or the generated one when this is the hub's own machine.
 * @throws CommandFailure that says how to pass one
 */
export async function adminPassword(env: NodeJS.ProcessEnv, { adminUser, adminPass }: AdminOptions): Promise<string> {
  const file = adminPasswordFile(env)
  const given = [adminPass, env['ADMIN_PASSWORD']].find((password) => password !== undefined && password !== '')
  const password = given ?? (await readPassword(file))
  if (password === undefined) throw new CommandFailure('admin.no_password', { user: adminUser, file })
  return password
}

/** @throws CommandFailure that says how to pass credentials */
export async function signInAsAdmin(cli: Cli, host: string, options: AdminOptions): Promise<SpacesClient> {
  const client = new SpacesClient({ host, language: cli.language })
  // First of all, is there a hub? A password is no use without one.
  await client.info()
  try {
    await client.signIn(options.adminUser, await adminPassword(cli.env, options))
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

/**
 * Acts with the API key of SPACES_API_KEY or of `spaces login`.
 * @throws CommandFailure when there is none, or the hub does not know it
 */
export async function asUser<T>(cli: Cli, host: string, act: (client: SpacesClient) => Promise<T>): Promise<T> {
  const given = cli.env['SPACES_API_KEY']
  const stored = given === undefined || given === '' ? await cli.secrets.keyFor(host) : undefined
  const apiKey = stored?.key ?? given
  if (apiKey === undefined || apiKey === '') throw new CommandFailure('login.needed', { host })
  try {
    return await act(new SpacesClient({ host, apiKey, language: cli.language }))
  } catch (error) {
    if (!(error instanceof SpacesError) || error.code !== 'not_signed_in') throw error
    throw new CommandFailure(stored === undefined ? 'login.given_key_refused' : 'login.stored_key_refused', { host }, { cause: error })
  }
}
