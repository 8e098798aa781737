import { sql } from 'kysely'
import { role as roleSchema, type UserId, type UserView } from '@websocket-spaces/protocol'
import type { User, UserDirectory, UserPageQuery } from '../accounts/ports.ts'
import type { Database } from './database.ts'
import { containing, takeTurn, transact } from './dialect.ts'
import type { UserTable } from './schema.ts'

/** The latest time that ISO text writes with four digits for the year. */
const FAR = Date.UTC(9999, 0)

/** Reads and changes users in better-auth's own table, which keeps `username` in lower case beside the name as written. */
export function createUserDirectory(db: Database): UserDirectory {
  return {
    async isEmpty() {
      return (await db.selectFrom('user').select('id').limit(1).executeTakeFirst()) === undefined
    },
    async count() {
      const row = await db
        .selectFrom('user')
        .select((e) => e.fn.countAll<number>().as('count'))
        .executeTakeFirst()
      return row?.count ?? 0
    },
    async find(id) {
      const row = await selectUser(db).where('id', '=', id).executeTakeFirst()
      return row === undefined ? null : toUser(row)
    },
    async findByName(username) {
      const row = await selectUser(db).where('username', '=', username.toLowerCase()).executeTakeFirst()
      return row === undefined ? null : toUser(row)
    },
    page: (query) => readPage(db, query),
    async view(id) {
      const row = await selectView(db).where('user.id', '=', id).executeTakeFirst()
      return row === undefined ? null : toView(row)
    },
    update: (id, change) => updateUser(db, id, change),
    async removeHalfMade(which) {
      await db
        .deleteFrom('user')
        .where((eb) => eb.not(eb.exists(eb.selectFrom('account').select('account.userId').whereRef('account.userId', '=', 'user.id'))))
        .where((eb) =>
          'username' in which
            ? eb('username', '=', which.username.toLowerCase())
            : eb('createdAt', '<', new Date(Math.min(which.before, FAR)).toISOString()),
        )
        .execute()
    },
    async removeExpiredSessions(now) {
      await db.deleteFrom('session').where('expiresAt', '<', new Date(now).toISOString()).execute()
    },
    async trimSessions(id, keep) {
      await db
        .deleteFrom('session')
        .where('userId', '=', id)
        .where('id', 'not in', (eb) =>
          eb.selectFrom('session as newer').select('newer.id').where('newer.userId', '=', id).orderBy('newer.id', 'desc').limit(keep),
        )
        .execute()
    },
  }
}

type UserRow = { id: UserId; username: string | null; displayUsername: string | null; role: string | null; banned: UserTable['banned'] }

function selectUser(db: Database) {
  return db.selectFrom('user').select(['id', 'username', 'displayUsername', 'role', 'banned'])
}

function toUser({ id, username, displayUsername, role, banned }: UserRow): User {
  return { id, username: displayUsername ?? username ?? '', role: roleSchema.catch('user').parse(role), banned: Boolean(banned) }
}

function selectView(db: Database) {
  return db
    .selectFrom('user')
    .select(['user.id', 'user.username', 'user.displayUsername', 'user.role', 'user.banned', 'user.createdAt'])
    .select((eb) => [
      eb
        .selectFrom('spaces')
        .select(sql<number>`count(*)`.as('count'))
        .whereRef('spaces.owner_id', '=', 'user.id')
        .as('spaces'),
      eb
        .selectFrom('requests')
        .select(sql<number>`count(*)`.as('count'))
        .whereRef('requests.user_id', '=', 'user.id')
        .as('requests'),
    ])
}

function toView(row: UserRow & { createdAt: UserTable['createdAt']; spaces: number | null; requests: number | null }): UserView {
  return { ...toUser(row), created_at: new Date(row.createdAt).toISOString(), spaces: row.spaces ?? 0, requests: row.requests ?? 0 }
}

async function readPage(db: Database, { search, after, limit }: UserPageQuery): Promise<UserView[]> {
  const rows = await selectView(db)
    .where('user.username', '>', after)
    .where(containing(db, 'user.username', search))
    .orderBy('user.username')
    .limit(limit)
    .execute()
  return rows.map(toView)
}

/** One after the other: two admins who demote each other at the same time cannot both succeed. */
async function updateUser(db: Database, ...args: Parameters<UserDirectory['update']>): Promise<boolean> {
  return transact(db, async (tx) => {
    await takeTurn(tx, 'standing of users')
    return updateUnlessLast(tx, ...args)
  })
}

async function updateUnlessLast(db: Database, ...[id, { role, banned }]: Parameters<UserDirectory['update']>): Promise<boolean> {
  const change = { ...(role === undefined ? {} : { role }), ...(banned === undefined ? {} : { banned }) }
  const { numUpdatedRows } = await db
    .updateTable('user')
    .set({ ...change, updatedAt: new Date().toISOString() })
    .where('id', '=', id)
    .where((eb) => {
      const roleAfter = role === undefined ? eb.ref('user.role') : eb.val(role)
      const bannedAfter = banned === undefined ? eb.fn.coalesce('user.banned', eb.val(false)) : eb.val(banned)
      const another = eb
        .selectFrom('user as other')
        .select('other.id')
        .where('other.id', '!=', id)
        .where('other.role', '=', 'admin')
        .where((inner) => inner(inner.fn.coalesce('other.banned', inner.val(false)), '=', false))
      return eb.or([eb.and([eb(roleAfter, '=', 'admin'), eb(bannedAfter, '=', false)]), eb.exists(another)])
    })
    .executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}
