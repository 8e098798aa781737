import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { directoryFor, freePort, serverProcess, type ServerProcess, unprivileged } from './server-process.ts'

const PROGRAMS = '/usr/lib/postgresql/15/bin'
const SETTINGS = ['listen_addresses=127.0.0.1', 'max_connections=100']
const PASSWORD = 'a password of the tests'

export interface PostgresServer extends ServerProcess {
  /** A new, empty database; returns its address. */
  createDatabase(): Promise<string>
  address(database: string, password?: string): string
  /** Runs one statement on a connection of its own. */
  query(address: string, statement: string): Promise<Record<string, unknown>[]>
}

/**
 * A real PostgreSQL of the test's own, with its data in a temporary directory. Tests kill programs, they do not cut the
 * power: what a commit says is on the disk is only with the setting `fsync=on`.
 */
export async function startPostgres(given: readonly string[] = ['fsync=off']): Promise<PostgresServer> {
  const account = await unprivileged()
  const directory = await directoryFor(account)
  const data = join(directory, 'data')
  const secret = join(directory, 'password')
  await writeFile(secret, PASSWORD)
  const init = [
    '-D',
    data,
    '-U',
    'hub',
    '--pwfile',
    secret,
    '-A',
    'scram-sha-256',
    '-E',
    'UTF8',
    '--no-locale',
    '--no-sync',
    '--no-instructions',
  ]
  await promisify(execFile)(join(PROGRAMS, 'initdb'), init, { ...account, cwd: directory })
  const port = await freePort()
  const settings = [...SETTINGS, ...given, `port=${port}`, `unix_socket_directories=${directory}`]
  const server = serverProcess({
    command: join(PROGRAMS, 'postgres'),
    args: ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    account,
    directory,
    ready: /database system is ready to accept connections/,
  })
  await server.start()
  const address = (database: string, password = PASSWORD): string =>
    `postgres://hub:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`
  let databases = 0
  return {
    ...server,
    address,
    query,
    async createDatabase() {
      databases += 1
      const name = `hub_${databases}`
      await query(address('postgres'), `create database ${name}`)
      return address(name)
    },
  }
}

async function query(address: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(address)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows
  } finally {
    await client.end()
  }
}
