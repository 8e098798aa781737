/** Transactions of one node that share a commit on PostgreSQL: none may notice. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/store/database.ts'
import { transact } from '../../src/store/dialect.ts'
import { openDatabase } from '../../src/store/open.ts'
import { PostgresServer as DatabaseServer } from '../../src/store/postgres.ts'
import { shareCommits } from '../../src/store/postgres-group.ts'
import type { Tables } from '../../src/store/schema.ts'
import { statement } from '../../src/store/statement.ts'
import { eventually } from '../support/eventually.ts'
import { codeOf } from '../support/material.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())

const put = statement<{ key: string }>((db, slot) => db.insertInto('settings').values({ key: slot('key'), value: '' }))
const hold = statement<{ key: string }, { value: string }>((db, slot) =>
  db.selectFrom('settings').select('value').where('key', '=', slot('key')).forUpdate(),
)

async function keysIn(db: Database): Promise<string[]> {
  return (await db.selectFrom('settings').select('key').where('key', 'like', 't %').orderBy('key').execute()).map(({ key }) => key)
}

/** In one lane; each with a key of its own unless one is given. */
async function run<T>(db: Database, key: string, work: (tx: Database) => Promise<T>): Promise<T> {
  return transact(db, work, { place: { lane: 'test', key } })
}

async function open(address?: string) {
  return openDatabase({ databaseUrl: address ?? (await server.createDatabase()), dataDir: '/nowhere' })
}

/** Somebody else holds the row `t held`, once this resolves and until it is freed. */
async function holdOutside(db: Database): Promise<{ readonly free: PromiseWithResolvers<void>; readonly holder: Promise<void> }> {
  const [free, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const holder = db.transaction().execute(async (tx) => {
    await hold(tx, { key: 't held' })
    held.resolve()
    await free.promise
  })
  await held.promise
  return { free, holder }
}

describe('one of several', () => {
  test('PG-1 that throws after it wrote is undone alone', async () => {
    await using opened = await open()
    const { db } = opened
    const results = await Promise.allSettled([
      run(db, 'a', (tx) => put(tx, { key: 't first' })),
      run(db, 'b', async (tx) => {
        await put(tx, { key: 't undone' })
        throw new Error('on purpose')
      }),
      run(db, 'c', async (tx) => {
        await tx.insertInto('settings').values({ key: 't also undone', value: '' }).execute()
        throw new Error('on purpose')
      }),
      run(db, 'd', (tx) => put(tx, { key: 't last' })),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(await keysIn(db)).toEqual(['t first', 't last'])
  })

  test('PG-2 that is refused before it wrote has the others neither undone nor run again', async () => {
    await using opened = await open()
    const { db } = opened
    let runs = 0
    const counted = (key: string) => async (tx: Database) => {
      runs += 1
      await put(tx, { key })
    }
    const refused = async (tx: Database): Promise<never> => {
      await keysIn(tx)
      throw new Error('on purpose')
    }
    const results = [run(db, 'a', counted('t first')), run(db, 'b', refused), run(db, 'c', counted('t last'))]
    expect((await Promise.allSettled(results)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(runs).toBe(2)
  })

  test('PG-3 that the database refuses hears why, though nobody waited for its answer', async () => {
    await using opened = await open()
    const { db } = opened
    await put(db, { key: 't taken' })
    const results = await Promise.allSettled([
      run(db, 'a', (tx) => put(tx, { key: 't first' })),
      run(db, 'b', (tx) => put(tx, { key: 't taken' })),
      run(db, 'c', (tx) => put(tx, { key: 't last' })),
    ])
    expect(results[1]).toMatchObject({ status: 'rejected', reason: { code: '23505' } })
    expect(await keysIn(db)).toEqual(['t first', 't last', 't taken'])
  })

  test('PG-4 sees what those before it with the same key wrote, and nobody else does before the commit', async () => {
    await using opened = await open()
    const { db } = opened
    let outside: string[] | undefined
    const first = run(db, 'same', async (tx) => {
      await put(tx, { key: 't written' })
      outside = await keysIn(db)
    })
    expect(await run(db, 'same', keysIn)).toEqual(['t written'])
    await first
    expect(outside).toEqual([])
  })

  test('PG-5 that waits long for a lock goes alone, and the others do not wait with it', async () => {
    await using opened = await open()
    const { db } = opened
    await put(db, { key: 't held' })
    const { free, holder } = await holdOutside(db)
    let waits = true
    const waiting = run(db, 'held', (tx) => hold(tx, { key: 't held' })).then(() => (waits = false))
    for (const key of ['t beside', 't after']) await run(db, key, (tx) => put(tx, { key }))
    expect(waits).toBe(true)
    free.resolve()
    await Promise.all([holder, waiting])
    expect(await keysIn(db)).toEqual(['t after', 't beside', 't held'])
  })
})

test('PG-6 nodes that want the same rows in another order both get them', async () => {
  const address = await server.createDatabase()
  await using here = await open(address)
  await using there = await open(address)
  for (const key of ['t 1', 't 2']) await put(here.db, { key })
  const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
  const take = (mine: 0 | 1, order: readonly [string, string]) => async (tx: Database) => {
    await hold(tx, { key: order[0] })
    both[mine].resolve()
    await Promise.all(both.map(({ promise }) => promise))
    await hold(tx, { key: order[1] })
    await put(tx, { key: `t by ${mine}` })
  }
  await Promise.all([run(here.db, 'a', take(0, ['t 1', 't 2'])), run(there.db, 'a', take(1, ['t 2', 't 1']))])
  expect(await keysIn(here.db)).toEqual(['t 1', 't 2', 't by 0', 't by 1'])
})

test('PG-7 a transaction takes only so many', async () => {
  await using opened = await open()
  const asked = Array.from({ length: 200 }, (_, index) =>
    run(opened.db, String(index), async (tx) => {
      const { rows } = await sql<{ id: string }>`select pg_current_xact_id()::text as id`.execute(tx)
      return rows[0]?.id ?? ''
    }),
  )
  const sizes = [...Map.groupBy(await Promise.all(asked), (id) => id).values()].map(({ length }) => length)
  expect(Math.max(...sizes)).toBe(64)
  expect(sizes).toHaveLength(4)
})

test.each([
  ['before', false],
  ['after', true],
])('PG-8 when the connection breaks %s the database has heard of the commit, nobody is told that it is done', async (_when, passOn) => {
  await using way = await breakable(server)
  const address = await server.createDatabase()
  await using opened = await open(way.addressOf(address))
  const { db } = opened
  way.breakAtCommit(passOn)
  const puts = ['t 1', 't 2', 't 3'].map((key) => run(db, key, (tx) => put(tx, { key })))
  expect(await Promise.all(puts.map(codeOf))).toEqual(['storage_unavailable', 'storage_unavailable', 'storage_unavailable'])
  await using beside = await open(address)
  const kept = passOn ? ['t 1', 't 2', 't 3'] : []
  expect(
    await eventually(
      () => keysIn(beside.db),
      (keys) => keys.length === kept.length,
    ),
  ).toEqual(kept)
  await run(db, 'a', (tx) => put(tx, { key: 't later' }))
  expect(await keysIn(db)).toEqual([...kept, 't later'])
})

test('PG-9 a later version of the hub may change a table under statements that are prepared', async () => {
  const address = await server.createDatabase()
  await using opened = await open(address)
  const { db } = opened
  const all = statement<{ key: string }, { key: string }>((on, slot) =>
    on.selectFrom('settings').selectAll().where('key', '=', slot('key')),
  )
  await put(db, { key: 't 1' })
  const inGroup = () => run(db, 'a', (tx) => all(tx, { key: 't 1' }))
  const reads = [() => all(db, { key: 't 1' }), inGroup, () => db.transaction().execute((tx) => all(tx, { key: 't 1' }))]
  for (const read of reads.slice(0, 2)) expect(await read()).toEqual([{ key: 't 1', value: '' }])
  for (const [index, read] of reads.slice(0, 2).entries()) {
    await server.query(address, `alter table settings add column more_${index} integer`)
    expect(await read()).toMatchObject([{ key: 't 1', [`more_${index}`]: null }])
  }
})

test('PG-10 however many wait for a lock that is held for long, the database is there for others', async () => {
  await using opened = await open()
  const { db } = opened
  await put(db, { key: 't held' })
  const { free, holder } = await holdOutside(db)
  let ended = 0
  const waiting = Array.from({ length: 30 }, () => run(db, 'held', (tx) => hold(tx, { key: 't held' })).then(() => (ended += 1)))
  // After this they wait alone.
  await run(db, 'beside', (tx) => put(tx, { key: 't beside' }))
  expect(await keysIn(db)).toEqual(['t beside', 't held'])
  await run(db, 'after', (tx) => put(tx, { key: 't after' }))
  expect(ended).toBe(0)
  free.resolve()
  await Promise.all([holder, ...waiting])
})

test('PG-11 what a node that froze in a transaction hears of it is that the database was away', async () => {
  await using opened = await open()
  const { db } = opened
  const frozen = run(db, 'a', async (tx) => {
    await sql`set local idle_in_transaction_session_timeout = 20`.execute(tx)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000)
  })
  expect(await codeOf(frozen)).toBe('storage_unavailable')
  expect(await keysIn(db)).toEqual([])
})

test('PG-12 a server that only reads is away for whoever writes', async () => {
  await using opened = await open()
  const { db } = opened
  const written = run(db, 'a', async (tx) => {
    await sql`set transaction read only`.execute(tx)
    await put(tx, { key: 't 1' })
  })
  expect(await codeOf(written)).toBe('storage_unavailable')
})

test('PG-13 when the database does not answer, all who wait hear so, and not one transaction after the other', async () => {
  await using way = await breakable(server)
  const pool = new DatabaseServer(way.addressOf(await server.createDatabase()), 2_000)
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  shareCommits(db, pool)
  await run(db, 'a', (tx) => sql`select 1`.execute(tx))
  way.fallSilent()
  const asked = Array.from({ length: 1_000 }, (_, index) => run(db, String(index), (tx) => sql`select 1`.execute(tx)))
  expect(new Set(await Promise.all(asked.map(codeOf)))).toEqual(new Set(['storage_unavailable']))
  await db.destroy()
})

/** A way to the database that breaks when told to. */
async function breakable(of: PostgresServer) {
  const { hostname, port } = new URL(of.address('postgres'))
  const open = new Set<Socket>()
  let breakAt: 'commit' | 'answer' | undefined
  let passOn = false
  let isSilent = false
  const proxy = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      open.add(socket.on('error', () => undefined))
      socket.once('close', () => [client, upstream].map((either) => either.destroy()))
    }
    function cut(): void {
      breakAt = undefined
      client.destroy()
    }
    client.on('data', (bytes) => {
      const isCommit = breakAt === 'commit' && bytes.includes('commit')
      if (isCommit && !passOn) return cut()
      if (isCommit) breakAt = 'answer'
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      // What comes first may answer the statements before it: the database may not have read the commit by then.
      if (breakAt === 'answer' && bytes.includes('COMMIT')) cut()
      else if (!isSilent) client.write(bytes)
    })
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    addressOf(database: string): string {
      const url = new URL(database)
      url.port = String((proxy.address() as AddressInfo).port)
      return url.href
    },
    breakAtCommit(afterwards: boolean) {
      breakAt = 'commit'
      passOn = afterwards
    },
    fallSilent() {
      isSilent = true
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}
