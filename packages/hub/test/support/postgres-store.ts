import { migrateAuth } from '../../src/accounts/auth.ts'
import { openDatabase } from '../../src/store/open.ts'
import { createRequestStore } from '../../src/store/requests/index.ts'
import { createSpaceStore } from '../../src/store/spaces.ts'
import { addUser, fail, type LastingStore } from './sqlite-store.ts'

/** A store on a real PostgreSQL database. */
export async function openPostgresStore(databaseUrl: string, isNew = true): Promise<LastingStore> {
  const database = await openDatabase({ databaseUrl, dataDir: '/nowhere' })
  const { db } = database
  const auth = { database: { db, type: 'postgres' }, secret: 'a secret of this test', secureCookies: false, onError: fail } as const
  if (isNew) await database.alone(() => migrateAuth(auth))
  return {
    db,
    requests: createRequestStore(db),
    spaces: createSpaceStore(db),
    addUser: (name) => addUser(db, name),
    async reopen() {
      await database.close()
      return openPostgresStore(databaseUrl, false)
    },
    [Symbol.asyncDispose]: () => database.close(),
  }
}
