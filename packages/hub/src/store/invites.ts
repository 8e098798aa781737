import type { InviteStore } from '../accounts/ports.ts'
import type { Database } from './database.ts'
import { takeTurn, transact } from './dialect.ts'

export function createInviteStore(db: Database): InviteStore {
  return {
    async add({ id, note, hint, hash, usesLeft, createdAt, expiresAt }, limit) {
      return transact(db, async (tx) => {
        await takeTurn(tx, 'invites')
        const { count } = await tx
          .selectFrom('invites')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .executeTakeFirstOrThrow()
        if (count >= limit) return false
        const row = { id, note, hint, hash, uses_left: usesLeft, created_at: createdAt, expires_at: expiresAt }
        await tx.insertInto('invites').values(row).execute()
        return true
      })
    },
    async list() {
      const rows = await db.selectFrom('invites').selectAll().orderBy('id', 'desc').execute()
      return rows.map(({ id, note, hint, uses_left: usesLeft, created_at: createdAt, expires_at: expiresAt }) => ({
        id,
        note,
        hint,
        usesLeft,
        createdAt,
        expiresAt,
      }))
    },
    async remove(id) {
      const { numDeletedRows } = await db.deleteFrom('invites').where('id', '=', id).executeTakeFirstOrThrow()
      return numDeletedRows === 1n
    },
    async isValid(hash, now) {
      const row = await db
        .selectFrom('invites')
        .select('id')
        .where('hash', '=', hash)
        .where('uses_left', '>', 0)
        .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
        .executeTakeFirst()
      return row !== undefined
    },
    async take(hash, now) {
      const row = await db
        .updateTable('invites')
        .set((eb) => ({ uses_left: eb('uses_left', '-', 1) }))
        .where('hash', '=', hash)
        .where('uses_left', '>', 0)
        .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
        .returning('id')
        .executeTakeFirst()
      return row?.id ?? null
    },
    async giveBack(id) {
      await db
        .updateTable('invites')
        .set((eb) => ({ uses_left: eb('uses_left', '+', 1) }))
        .where('id', '=', id)
        .execute()
    },
  }
}
