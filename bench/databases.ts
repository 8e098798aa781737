/** What hubs keep their requests in: a file of SQLite each, or a database each in one PostgreSQL that the bench starts. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { startPostgres } from '../packages/hub/test/support/postgres-server.ts'

export const DATABASES = ['sqlite', 'postgres'] as const
export type DatabaseName = (typeof DATABASES)[number]

/** A way to keep requests, as tables call it. */
export interface Keeping {
  readonly title: string
  readonly env: Readonly<Record<string, string>>
}

export interface Database extends AsyncDisposable {
  readonly name: DatabaseName
  /** What is to be compared; the first is the hub's default. */
  readonly keepings: readonly [Keeping, ...Keeping[]]
  /** What a commit waits for, in words. */
  readonly commits: string
  readonly version: string
  makeHome(): Promise<Home>
}

/** What is left of a hub while it does not run; gone afterwards. */
export interface Home extends AsyncDisposable {
  readonly path: string
  readonly env: Readonly<Record<string, string>>
  /** Past the hub, while it does not run. */
  execute(...statements: readonly string[]): Promise<void>
}

export async function startDatabase(name: DatabaseName): Promise<Database> {
  return name === 'sqlite' ? sqlite() : postgres()
}

function sqlite(): Database {
  return {
    name: 'sqlite',
    keepings: [
      { title: 'hub, FULL', env: { SQLITE_SYNCHRONOUS: 'full' } },
      { title: 'hub, NORMAL', env: { SQLITE_SYNCHRONOUS: 'normal' } },
    ],
    commits: 'synchronous=FULL',
    version: `SQLite ${process.versions.sqlite ?? '?'}`,
    async makeHome() {
      const folder = await makeFolder()
      return { ...folder, env: {}, execute: async (...statements) => executeInFile(join(folder.path, 'hub.sqlite'), statements) }
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

function executeInFile(path: string, statements: readonly string[]): void {
  const db = new DatabaseSync(path)
  db.exec('pragma synchronous = off')
  for (const statement of statements) db.exec(statement)
  db.close()
}

async function postgres(): Promise<Database> {
  const server = await startPostgres(['fsync=on', 'synchronous_commit=on'])
  const [version] = await server.query(server.address('postgres'), 'show server_version')
  return {
    name: 'postgres',
    keepings: [{ title: 'hub, PostgreSQL', env: {} }],
    commits: 'fsync and synchronous_commit',
    version: `PostgreSQL ${String(version?.['server_version']).split(' ')[0]} on the same machine, its CPU not counted as the hub's`,
    async makeHome() {
      const [folder, url] = await Promise.all([makeFolder(), server.createDatabase()])
      const execute = async (...statements: readonly string[]): Promise<void> => {
        // As in a queue that grew over days; autovacuum would do it in the middle of a round.
        for (const statement of [...statements, 'vacuum analyze', 'checkpoint']) await server.query(url, statement)
      }
      return { ...folder, env: { DATABASE_URL: url }, execute }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function makeFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'wss-bench-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
