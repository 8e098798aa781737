import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { directoryFor, freePort, serverProcess, type ServerProcess, unprivileged } from './server-process.ts'

const PROGRAMS = '/usr/lib/postgresql/15/bin'
/** Tests kill programs, they do not cut the power; commits are still waited for. */
const SETTINGS = ['fsync=off', 'listen_addresses=127.0.0.1', 'max_connections=100']
const PASSWORD = 'a password of the tests'

export interface PostgresServer extends ServerProcess {
  /** A new, empty database; returns its address. */
  createDatabase(): Promise<string>
  address(database: string, password?: string): string
}

/** A real PostgreSQL of the test's own, with its data in a temporary directory. */
export async function startPostgres(): Promise<PostgresServer> {
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
  const settings = [...SETTINGS, `port=${port}`, `unix_socket_directories=${directory}`]
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
    async createDatabase() {
      databases += 1
      const name = `hub_${databases}`
      const client = new pg.Client(address('postgres'))
      await client.connect()
      try {
        await client.query(`create database ${name}`)
      } finally {
        await client.end()
      }
      return address(name)
    },
  }
}
