/** What only a database that several hubs share has to get right. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LANGUAGES } from '@websocket-spaces/protocol'
import { openDatabase } from '../../src/store/open.ts'
import { StartupError } from '../../src/startup-error.ts'
import { PostgresServer } from '../../src/store/postgres.ts'
import { createUserDirectory } from '../../src/store/users.ts'
import { eventually } from '../support/eventually.ts'
import { startHub } from '../support/hub.ts'
import { addRequests, addSpace, byOf, codeOf, DONE, newClaim, newRequest, newRequestId, NO_LIMITS, NOON } from '../support/material.ts'
import { freePort } from '../support/server-process.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { openPostgresStore } from '../support/postgres-store.ts'

let server: Awaited<ReturnType<typeof startPostgres>>
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())

async function refusal(databaseUrl: string): Promise<StartupError> {
  const error: unknown = await openDatabase({ databaseUrl, dataDir: '/nowhere' }).catch((cause: unknown) => cause)
  if (error instanceof StartupError) return error
  throw new Error('it opened', { cause: error })
}

describe('a database that cannot be used is told apart, without its password', () => {
  test.each([
    ['a wrong password', 'database_refused', () => server.address('postgres', 'hunter2-secret')],
    ['a database that is not there', 'database_refused', () => server.address('nothing-here', undefined)],
    ['nobody listening', 'database_unreachable', async () => `postgres://hub:hunter2-secret@127.0.0.1:${await freePort()}/hub`],
    ['no such host', 'database_unreachable', () => 'postgres://hub:hunter2-secret@no-such-host.invalid/hub'],
  ])('%s', async (_name, code, address) => {
    const error = await refusal(await address())
    expect(error.code).toBe(code)
    for (const language of LANGUAGES) {
      expect(error.say(language)).toContain('PostgreSQL')
      expect(error.say(language)).not.toMatch(/hunter2|a password of|\{/)
    }
  })

  test('one of a later version', async () => {
    const databaseUrl = await server.createDatabase()
    const database = await openDatabase({ databaseUrl, dataDir: '/nowhere' })
    const row = { name: '999-later', timestamp: new Date().toISOString() }
    await database.db.withTables<{ kysely_migration: typeof row }>().insertInto('kysely_migration').values(row).execute()
    await database.close()
    expect(await refusal(databaseUrl)).toMatchObject({ code: 'database_newer', details: { migration: '999-later' } })
  })
})

describe('hubs on one database', () => {
  test('start at the same time: the tables and the first admin are made once', async () => {
    const databaseUrl = await server.createDatabase()
    const hubs = await Promise.all([1, 2, 3].map(() => startHub({ DATABASE_URL: databaseUrl })))
    const [first, second] = hubs
    try {
      expect(hubs.filter(({ hub }) => hub.firstAdminPassword !== null)).toHaveLength(1)
      const alice = await first?.signUp('Alice')
      const elsewhere = await fetch(`${second?.url}/api/v1/me`, { headers: alice?.headers ?? {} })
      expect(await elsewhere.json()).toMatchObject({ username: 'Alice' })
      const made = await alice?.makeSpace({ description: 'with \0 in it', tags: ['a"b\\c'] })
      expect(made?.space.description).toBe('with \uFFFD in it')
      const found = await alice?.call('GET', `/api/v1/spaces?tag=${encodeURIComponent('a"b\\c')}`)
      expect(found?.json).toMatchObject({ spaces: [{ id: made?.space.id }] })
      expect(hubs.flatMap(({ errors }) => errors)).toEqual([])
    } finally {
      for (const hub of hubs) await hub[Symbol.asyncDispose]()
    }
  })

  test('claim different requests, and each event gets its own number', async () => {
    const databaseUrl = await server.createDatabase()
    await using here = await openPostgresStore(databaseUrl)
    await using there = await openPostgresStore(databaseUrl)
    const user = await here.addUser('Alice')
    const space = await addSpace(here, user)
    const ids = await addRequests(here, { space, user }, 40)
    const claim = newClaim(space)
    const claims = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? here : there).requests.claim({ ...claim, start: 1 }))
    const claimed = (await Promise.all(claims)).flat()
    expect(claimed.map(({ id }) => id).toSorted()).toEqual(ids)

    const [one = newRequestId(), two = newRequestId()] = ids
    const reports = [{ type: 'log', level: 'info', line: 'l' }] as const
    const holderOf = (id: string) =>
      byOf(
        claim,
        claimed.filter((request) => request.id === id),
      )
    const batch = [one, two].map((requestId) => ({ requestId, by: holderOf(requestId), reports }))
    const appends = Array.from({ length: 30 }, (_, index) =>
      index % 2 === 0 ? here.requests.append(batch, NOON) : there.requests.append(batch.toReversed(), NOON),
    )
    const results = [here, there].map(({ requests }) =>
      requests.apply(one, { type: 'reported', by: holderOf(one), at: NOON, outcome: DONE }),
    )
    await Promise.all(appends)
    expect((await Promise.all(results)).filter(({ ok }) => ok)).toHaveLength(1)
    for (const id of [one, two]) {
      const seqs = (await here.requests.events(id, 0, 100)).map(({ seq }) => seq)
      expect(seqs).toEqual(seqs.map((_, index) => index + 1))
    }
  })

  test('keep the limits of a space and one request for one key', async () => {
    const databaseUrl = await server.createDatabase()
    await using here = await openPostgresStore(databaseUrl)
    await using there = await openPostgresStore(databaseUrl)
    const userId = await here.addUser('Alice')
    const space = await addSpace(here, userId)
    const request = () => newRequest({ space, user: userId })
    const key = { key: 'once', fingerprint: 'a' }
    const same = await Promise.all([here, there, here, there].map(({ requests }) => requests.insert(request(), NO_LIMITS, { key })))
    expect(new Set(same.map(({ id }) => id)).size).toBe(1)
    const limits = { ...NO_LIMITS, maxQueue: 5 }
    const codes = await Promise.all(
      Array.from({ length: 12 }, (_, index) => codeOf((index % 2 === 0 ? here : there).requests.insert(request(), limits))),
    )
    expect(codes.filter((code) => code !== 'queue_full')).toHaveLength(4)
    expect(await here.requests.counts(space.id)).toEqual({ queued: 5, processing: 0 })
  })

  test('a submit that races the deletion of its space keeps it, or comes too late and leaves nothing behind', async () => {
    const databaseUrl = await server.createDatabase()
    await using here = await openPostgresStore(databaseUrl)
    await using there = await openPostgresStore(databaseUrl)
    const user = await here.addUser('Alice')
    for (let round = 0; round < 10; round += 1) {
      const space = await addSpace(here, user)
      const adding = addRequests(here, { space, user }, 3).then(
        (ids) => ids.length,
        () => 0,
      )
      const [added, removed] = await Promise.all([adding, there.spaces.remove(space.id)])
      expect(added).toBe(removed ? 0 : 3)
      expect(await here.requests.counts(space.id)).toEqual({ queued: added, processing: 0 })
    }
    const known = here.db.selectFrom('requests').innerJoin('spaces', 'spaces.id', 'requests.space_id').select('requests.id')
    expect(await here.db.selectFrom('request_events').select('seq').where('request_id', 'not in', known).execute()).toEqual([])
  })

  test('two admins who demote each other at the same time do not both succeed', async () => {
    const databaseUrl = await server.createDatabase()
    await using here = await openPostgresStore(databaseUrl)
    await using there = await openPostgresStore(databaseUrl)
    for (let round = 0; round < 5; round += 1) {
      const admins = await Promise.all(['a', 'b'].map((name) => here.addUser(`${name}${round}`)))
      await here.db.updateTable('user').set({ role: 'user' }).execute()
      await here.db.updateTable('user').set({ role: 'admin' }).where('id', 'in', admins).execute()
      const nodes = [here, there]
      const demoted = await Promise.all(
        admins.map((id, index) => createUserDirectory((nodes[index] ?? here).db).update(id, { role: 'user' })),
      )
      expect(demoted.filter(Boolean)).toHaveLength(1)
    }
  })
})

test('an answer that got lost on the way is given up, and the next query goes another way', async () => {
  const { hostname, port } = new URL(server.address('postgres'))
  let answers = true
  const open = new Set<Socket>()
  await using proxy = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      open.add(socket.on('error', () => undefined))
      socket.once('close', () => [client, upstream].map((either) => either.destroy()))
    }
    client.pipe(upstream)
    upstream.on('data', (bytes) => answers && client.write(bytes))
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = new URL(server.address('postgres'))
  address.port = String((proxy.address() as AddressInfo).port)
  const pool = new PostgresServer(address.href, 200)
  const first = await pool.connect()
  await first.query('select 1', [])
  answers = false
  expect(await codeOf(first.query('select 2', []))).toBe('storage_unavailable')
  first.release()
  answers = true
  const second = await pool.connect()
  expect((await second.query<{ three: number }>('select 3::bigint as three', [])).rows).toEqual([{ three: 3 }])
  second.release()
  await pool.end()
  for (const socket of open) socket.destroy()
})

test('a hub says so while its database is away, and goes on when it is back', async () => {
  await using own = await startPostgres()
  await using hub = await startHub({ DATABASE_URL: await own.createDatabase() })
  const alice = await hub.signUp()
  const { path } = await alice.makeSpace()
  await own.kill()
  expect(await alice.call('GET', path)).toMatchObject({ status: 503, json: { error: { code: 'storage_unavailable' } } })
  expect((await hub.nobody.call('GET', '/readyz')).status).toBe(503)
  await own.start()
  await eventually(
    () => alice.call('GET', path),
    ({ status }) => status === 200,
  )
})
