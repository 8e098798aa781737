import { sql } from 'kysely'
import { connectionId, type ErrorCode, type SpaceId } from '@websocket-spaces/protocol'
import type { NodeStore, SharedConnection } from '../spaces/ports.ts'
import type { Database } from './database.ts'
import { transact } from './dialect.ts'
import type { ConnectionTable } from './schema.ts'

/** PostgreSQL's own clock, in milliseconds: those of the nodes need not agree. */
const NOW = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`

/** What nodes know of each other. Only PostgreSQL has more than one. */
export function createNodeStore(db: Database, node: string): NodeStore {
  return {
    beat: (ttl) => beat(db, node, ttl),
    leave: () => transact(db, (tx) => removeNodes(tx, [node])),
    async put(connections) {
      if (connections.length === 0) return
      await db
        .insertInto('connections')
        .values(connections.map((connection) => toRow(connection, node)))
        .onConflict((conflict) =>
          conflict.column('id').doUpdateSet((eb) => ({ state: eb.ref('excluded.state'), transport: eb.ref('excluded.transport') })),
        )
        .execute()
    },
    async drop(ids) {
      if (ids.length > 0) await db.deleteFrom('connections').where('id', 'in', ids).execute()
    },
    replicas: (spaceId) => countReplicas(db, spaceId),
    slots: (spaceId) => countSlots(db, spaceId),
    all: () => allConnections(db),
    async showOut(id) {
      const shown = db.updateTable('connections').set({ shown_out: 1 }).where('id', '=', id)
      return (await shown.executeTakeFirstOrThrow()).numUpdatedRows === 1n
    },
    unwelcome: () => unwelcomeAt(db, node),
    bury: () => bury(db),
  }
}

async function beat(db: Database, node: string, ttl: number): ReturnType<NodeStore['beat']> {
  const expires_at = sql<number>`${NOW} + ${ttl}::bigint`
  const renewed = await db.updateTable('nodes').set({ expires_at }).where('id', '=', node).returning('expires_at').executeTakeFirst()
  if (renewed !== undefined) return { known: true, clock: renewed.expires_at - ttl }
  const made = await db.insertInto('nodes').values({ id: node, expires_at }).returning('expires_at').executeTakeFirstOrThrow()
  return { known: false, clock: made.expires_at - ttl }
}

async function removeNodes(tx: Database, nodes: readonly string[]): Promise<SpaceId[]> {
  if (nodes.length === 0) return []
  await tx.deleteFrom('nodes').where('id', 'in', nodes).execute()
  const gone = await tx.deleteFrom('connections').where('node_id', 'in', nodes).returning('space_id').execute()
  return [...new Set(gone.map((row) => row.space_id))]
}

/** Of nodes that do this at the same time, one finds the dead and the others pass. */
async function bury(db: Database): Promise<SpaceId[]> {
  return transact(db, async (tx) => {
    const dead = await tx.selectFrom('nodes').select('id').where('expires_at', '<', NOW).forUpdate().skipLocked().execute()
    return removeNodes(
      tx,
      dead.map(({ id }) => id),
    )
  })
}

/** Those of nodes that were heard of lately. */
function presentConnections(db: Database) {
  return db.selectFrom('connections').innerJoin('nodes', 'nodes.id', 'connections.node_id').where('nodes.expires_at', '>=', NOW)
}

async function countReplicas(db: Database, spaceId: SpaceId): Promise<number> {
  const row = await answering(db, spaceId)
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirst()
  return row?.count ?? 0
}

async function countSlots(db: Database, spaceId: SpaceId): Promise<number> {
  const row = await answering(db, spaceId)
    .select((eb) => eb.fn.sum<number | null>('connections.concurrency').as('sum'))
    .executeTakeFirst()
  return row?.sum ?? 0
}

function answering(db: Database, spaceId: SpaceId) {
  return presentConnections(db).where('connections.space_id', '=', spaceId).where('connections.state', 'in', ['connected', 'resting'])
}

async function allConnections(db: Database): ReturnType<NodeStore['all']> {
  const rows = await presentConnections(db)
    .selectAll('connections')
    .select((eb) =>
      eb
        .selectFrom('requests')
        .select(sql<number>`count(*)`.as('count'))
        .whereRef('requests.node_id', '=', 'connections.node_id')
        .whereRef('requests.connection_id', '=', 'connections.id')
        .where('requests.lease_id', 'is not', null)
        .as('holding'),
    )
    .orderBy('connections.id')
    .execute()
  return rows.map(({ holding, ...row }) => ({ ...toConnection(row), holding: holding ?? 0 }))
}

/** What the messages that closed them would have said, had they come through. */
async function unwelcomeAt(db: Database, node: string): ReturnType<NodeStore['unwelcome']> {
  const { rows } = await sql<{ id: string; code: ErrorCode }>`
    select c.id, case
      when s.id is null then 'space_not_found'
      when c.shown_out = 1 then 'forbidden'
      when c.token_id is null then 'token_required'
      else 'token_revoked' end as code
    from connections c
    left join spaces s on s.id = c.space_id
    left join secrets t on t.id = c.token_id
    left join "user" u on u.id = t.owner_id
    where c.node_id = ${node} and (
      s.id is null or c.shown_out = 1
      or (c.token_id is null and s.open_registration = 0)
      or (c.token_id is not null and (u.id is null or coalesce(u.banned, false))))`.execute(db)
  return rows.map(({ id, code }) => ({ id: connectionId.parse(id), code }))
}

function toRow(connection: SharedConnection, node: string): Omit<ConnectionTable, 'shown_out'> {
  return {
    id: connection.id,
    node_id: node,
    space_id: connection.spaceId,
    space: connection.space,
    token_id: connection.tokenId,
    instance: connection.instance,
    sdk: connection.sdk,
    address: connection.address,
    transport: connection.transport,
    state: connection.state,
    concurrency: connection.concurrency,
    prefetch: connection.prefetch,
    connected_at: connection.connectedAt,
  }
}

function toConnection(row: Omit<ConnectionTable, 'shown_out'>): SharedConnection {
  return {
    id: row.id,
    spaceId: row.space_id,
    space: row.space,
    tokenId: row.token_id,
    instance: row.instance,
    sdk: row.sdk,
    address: row.address,
    transport: row.transport,
    state: row.state,
    concurrency: row.concurrency,
    prefetch: row.prefetch,
    connectedAt: row.connected_at,
  }
}
