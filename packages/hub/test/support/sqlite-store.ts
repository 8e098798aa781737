import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { type UserId, userId } from '@websocket-spaces/protocol'
import { migrateAuth } from '../../src/accounts/auth.ts'
import type { RequestStore } from '../../src/requests/ports.ts'
import type { SpaceStore } from '../../src/spaces/ports.ts'
import type { Database } from '../../src/store/database.ts'
import { openDatabase } from '../../src/store/open.ts'
import { createRequestStore } from '../../src/store/requests/index.ts'
import { createSpaceStore } from '../../src/store/spaces.ts'

/** What every contract suite of a store is given. */
export interface StoreUnderTest extends AsyncDisposable {
  readonly db: Database
  readonly requests: RequestStore
  readonly spaces: SpaceStore
  /** Makes a user known, as accounts would. */
  addUser(name: string): Promise<UserId>
}

export interface LastingStore extends StoreUnderTest {
  /** Closes it and opens it again, as a restarted hub would. */
  reopen(): Promise<LastingStore>
}

export interface SqliteStore extends LastingStore {
  reopen(): Promise<SqliteStore>
}

/** A store on a real SQLite file. */
export async function openSqliteStore(dataDir?: string): Promise<SqliteStore> {
  const directory = dataDir ?? (await mkdtemp(join(tmpdir(), 'hub-store-')))
  const database = await openDatabase({ dataDir: directory, synchronous: 'normal' })
  const { db } = database
  // Tests restart programs, they do not cut the power.
  await sql`pragma synchronous = off`.execute(db)
  if (dataDir === undefined)
    await migrateAuth({ database: { db, type: 'sqlite' }, secret: 'a secret of this test', secureCookies: false, onError: fail })
  return {
    db,
    requests: createRequestStore(db),
    spaces: createSpaceStore(db),
    addUser: (name) => addUser(db, name),
    async reopen() {
      await database.close()
      return openSqliteStore(directory)
    },
    async [Symbol.asyncDispose]() {
      await database.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export async function addUser(db: Database, name: string): Promise<UserId> {
  const id = userId.parse(`user-${name.toLowerCase()}`)
  const at = new Date().toISOString()
  await sql`insert into "user" (id, name, email, "emailVerified", "createdAt", "updatedAt", username, "displayUsername", role)
    values (${id}, ${name}, ${`${id}@test.invalid`}, false, ${at}, ${at}, ${name.toLowerCase()}, ${name}, 'user')`.execute(db)
  return id
}

export function fail(message: string, details: unknown): void {
  throw new Error(message, { cause: details })
}
