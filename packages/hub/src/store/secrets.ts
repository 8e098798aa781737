import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import { role as roleSchema } from '@websocket-spaces/protocol'
import type { SecretFilter, SecretStore } from '../accounts/ports.ts'
import type { Database } from './database.ts'
import { takeTurn, transact } from './dialect.ts'
import type { Tables } from './schema.ts'

export function createSecretStore(db: Database): SecretStore {
  return {
    add: (secret, limit) => addSecret(db, secret, limit),
    list: (filter) => listSecrets(db, filter),
    async remove(filter) {
      const rows = await db.deleteFrom('secrets').where(matching(filter)).returning('id').execute()
      return rows.map((row) => row.id)
    },
    find: (kind, hash) => findSecret(db, kind, hash),
    async markUsed(id, at) {
      await db.updateTable('secrets').set({ last_used_at: at }).where('id', '=', id).execute()
    },
  }
}

async function addSecret(db: Database, ...[secret, limit]: Parameters<SecretStore['add']>): Promise<boolean> {
  const { id, kind, ownerId, spaceId, name, hint, hash, createdAt } = secret
  return transact(db, async (tx) => {
    await takeTurn(tx, 'secrets of', ownerId)
    const { count } = await tx
      .selectFrom('secrets')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('owner_id', '=', ownerId)
      .where('kind', '=', kind)
      .executeTakeFirstOrThrow()
    if (count >= limit) return false
    const row = { id, kind, owner_id: ownerId, space_id: spaceId, name, hint, hash, created_at: createdAt, last_used_at: null }
    await tx.insertInto('secrets').values(row).execute()
    return true
  })
}

async function listSecrets(db: Database, filter: SecretFilter): ReturnType<SecretStore['list']> {
  const rows = await db
    .selectFrom('secrets')
    .leftJoin('spaces', 'spaces.id', 'secrets.space_id')
    .leftJoin('user', 'user.id', 'spaces.owner_id')
    .select(['secrets.id', 'secrets.name', 'secrets.hint', 'secrets.created_at', 'secrets.last_used_at'])
    .select(['spaces.name as space_name', 'user.displayUsername as space_owner'])
    .where(matching(filter))
    .orderBy('secrets.id', 'desc')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    hint: row.hint,
    space: row.space_name === null ? null : `${row.space_owner ?? ''}/${row.space_name}`,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  }))
}

/** No row for a user who is gone: a secret without its owner is worth nothing. */
async function findSecret(db: Database, ...[kind, hash]: Parameters<SecretStore['find']>): ReturnType<SecretStore['find']> {
  const row = await db
    .selectFrom('secrets')
    .innerJoin('user', 'user.id', 'secrets.owner_id')
    .select(['secrets.id', 'secrets.space_id', 'secrets.owner_id', 'user.displayUsername', 'user.username', 'user.role', 'user.banned'])
    .where('secrets.hash', '=', hash)
    .where('secrets.kind', '=', kind)
    .executeTakeFirst()
  if (row === undefined) return null
  return {
    id: row.id,
    spaceId: row.space_id,
    ownerId: row.owner_id,
    ownerName: row.displayUsername ?? row.username ?? '',
    ownerRole: roleSchema.catch('user').parse(row.role),
    ownerBanned: Boolean(row.banned),
  }
}

function matching({ kind, id, ownerId, spaceId }: SecretFilter): (eb: ExpressionBuilder<Tables, 'secrets'>) => Expression<SqlBool> {
  return (eb) => {
    const conditions = [eb('secrets.kind', '=', kind)]
    if (id !== undefined) conditions.push(eb('secrets.id', '=', id))
    if (ownerId !== undefined) conditions.push(eb('secrets.owner_id', '=', ownerId))
    if (spaceId !== undefined) conditions.push(eb('secrets.space_id', '=', spaceId))
    return eb.and(conditions)
  }
}
