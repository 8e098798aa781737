/** A hub moves from SQLite to PostgreSQL whole, or not at all. */
import { createHash } from 'node:crypto'
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LANGUAGES } from '@websocket-spaces/protocol'
import { createHub, loadConfig, moveHub, StartupError } from '../../src/index.ts'
import { Checksum } from '../../src/store/move/checksum.ts'
import { copyTable, verifyTable } from '../../src/store/move/copy.ts'
import { MoveRefused } from '../../src/store/move/refusal.ts'
import { BATCH, tablesOf } from '../../src/store/move/target.ts'
import { openDatabase } from '../../src/store/open.ts'
import { codeOf } from '../support/material.ts'
import { startHub } from '../support/hub.ts'
import { openPostgresStore } from '../support/postgres-store.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'
import { serve } from '../support/sockets.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
const signal = new AbortController().signal
const onProgress = (): void => undefined

let server: PostgresServer
let home: string
/** The data directory of a hub that was used and stopped. */
let used: string
beforeAll(async () => {
  server = await startPostgres()
  home = await mkdtemp(join(tmpdir(), 'hub-move-'))
  used = join(home, 'used')
  await using hub = await startHub({ DATA_DIR: used })
  const alice = await hub.signUp('Alice')
  const own = await alice.makeSpace({ description: 'NUL \0, quote ", backslash \\, {brace}, 你好 🦊', tags: ['a,b', 'NULL'] })
  await alice.call('PUT', `${own.path}/cover`, PNG, { 'content-type': 'image/png' })
  await hub.admin.call('POST', '/api/v1/admin/invites', { note: 'for Bob' })
  using app = await serve(hub.url, own)
  for (let index = 0; index < 12; index += 1) await alice.submit(own, `prompt ${index}`)
  const { request_id } = await app.request()
  await app.report('inference_output', { request_id, text: 'abc' })
  await app.report('inference_result', { request_id, status: 'completed', result: { text_output: 'abc', confidence: 0.1 + 0.2 } })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
})

let copies = 0
/** The same hub once more, to be changed by `change`. */
async function anotherWith(change: (db: DatabaseSync) => void = () => undefined): Promise<string> {
  copies += 1
  const directory = join(home, `copy-${copies}`)
  await cp(used, directory, { recursive: true })
  const db = new DatabaseSync(join(directory, 'hub.sqlite'))
  change(db)
  db.close()
  return directory
}

async function fingerprint(directory: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(directory, 'hub.sqlite')))
    .digest('hex')
}

/** Rows of each table, counted in PostgreSQL. */
async function counted(databaseUrl: string): Promise<Record<string, number>> {
  await using database = await openDatabase({ databaseUrl, dataDir: '/nowhere' })
  const counts: Record<string, number> = {}
  for (const { name } of await tablesOf(database.db)) {
    const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.id(name)}`.execute(database.db)
    counts[name] = rows[0]?.count ?? -1
  }
  return counts
}

test('every row of every table arrives, and the old file stays as it was', async () => {
  const to = await server.createDatabase()
  const before = await fingerprint(used)
  const told: { phase: string; rows: number; total: number }[] = []
  const moved = await moveHub({ from: used, to, signal, onProgress: (progress) => told.push(progress) })
  expect(await fingerprint(used)).toBe(before)
  expect(moved).toMatchObject({ from: used, sessions: true })

  using old = new DatabaseSync(join(used, 'hub.sqlite'), { readOnly: true })
  const names = old.prepare("select name from sqlite_schema where type = 'table' and name not like 'kysely%'").all()
  const rows = names.map(
    ({ name }) => [String(name), Number(old.prepare(`select count(*) as n from "${String(name)}"`).get()?.['n'])] as const,
  )
  expect(Object.fromEntries(moved.tables.map((table) => [table.name, table.rows]))).toEqual(Object.fromEntries(rows))
  const filled = ['account', 'invites', 'request_events', 'requests', 'secrets', 'session', 'space_covers', 'spaces', 'user']
  for (const name of filled) expect([name, moved.tables.find((table) => table.name === name)?.rows]).not.toEqual([name, 0])
  // The key that signs sessions was a file and is a setting now.
  const counts = await counted(to)
  expect(counts).toEqual({ ...Object.fromEntries(rows), settings: (Object.fromEntries(rows)['settings'] ?? 0) + 1 })

  const total = rows.reduce((sum, [, count]) => sum + count, 0)
  for (const phase of ['copying', 'verifying']) {
    const steps = told.filter((progress) => progress.phase === phase)
    expect(steps[0]).toEqual({ phase, rows: 0, total })
    expect(steps.at(-1)).toEqual({ phase, rows: total, total })
  }
  await using database = await openDatabase({ databaseUrl: to, dataDir: '/nowhere' })
  const { description } = await database.db.selectFrom('spaces').select('description').executeTakeFirstOrThrow()
  expect(description).toBe('NUL \uFFFD, quote ", backslash \\, {brace}, 你好 🦊')
  const { bytes } = await database.db.selectFrom('space_covers').select('bytes').executeTakeFirstOrThrow()
  expect(Buffer.from(bytes).equals(PNG)).toBe(true)
})

describe('what is refused, and leaves the target empty', () => {
  async function refusal(from: string, to: string): Promise<{ code: string; text: string }> {
    const error: unknown = await moveHub({ from, to, signal, onProgress }).catch((cause: unknown) => cause)
    if (!(error instanceof MoveRefused || error instanceof StartupError)) throw new Error('not refused', { cause: error })
    const texts = LANGUAGES.map((language) => error.say(language))
    for (const text of texts) expect(text).not.toMatch(/\{|hunter2|a(%20| )password/)
    return { code: error.code, text: texts.join('\n') }
  }

  test.each([
    ['a version before', 'source_older', (db: DatabaseSync) => db.exec("delete from kysely_migration where name = '005-history'")],
    ['a version after', 'source_differs', (db: DatabaseSync) => db.exec("insert into kysely_migration values ('999-later', '')")],
    ['a table more', 'source_differs', (db: DatabaseSync) => db.exec('create table more (id text)')],
    ['a column more', 'source_differs', (db: DatabaseSync) => db.exec('alter table spaces add column more text')],
    ['a column fewer', 'source_older', (db: DatabaseSync) => db.exec('alter table spaces drop column emoji')],
    ['words where a number belongs', 'value_unfit', (db: DatabaseSync) => db.exec("update spaces set max_queue = 'many'")],
    ['not of a hub', 'source_damaged', (db: DatabaseSync) => db.exec('drop table kysely_migration')],
  ])('%s: %s', async (_name, code, change) => {
    const to = await server.createDatabase()
    expect(await refusal(await anotherWith(change), to)).toMatchObject({ code })
    expect(Object.values(await counted(to)).every((count) => count === 0)).toBe(true)
    // Not in the way of the next.
    await moveHub({ from: used, to, signal, onProgress })
  })

  test('a file that is no database, and one that is not there', async () => {
    const to = await server.createDatabase()
    const directory = await anotherWith()
    await writeFile(join(directory, 'hub.sqlite'), 'x'.repeat(10_000))
    expect(await refusal(directory, to)).toMatchObject({ code: 'source_damaged' })
    const { code, text } = await refusal(join(home, 'nothing'), to)
    expect(code).toBe('source_missing')
    expect(text).toContain(join(home, 'nothing'))
  })

  test('a hub that still runs; and none can start until the move has ended', async () => {
    const directory = await anotherWith()
    const to = await server.createDatabase()
    const config = loadConfig({ DATA_DIR: directory, LOG_LEVEL: 'silent', PORT: '0' })
    const running = await createHub(config)
    expect(await refusal(directory, to)).toMatchObject({ code: 'source_in_use' })
    await running.close()
    let early: Promise<string> | undefined
    await moveHub({ from: directory, to, signal, onProgress: () => void (early ??= codeOf(createHub(config))) })
    expect(await early).toBe('data_dir_in_use')
    await (await createHub(config)).close()
  })

  test('a database with a hub in it, and one with tables of something else', async () => {
    const taken = await server.createDatabase()
    await (await startHub({ DATABASE_URL: taken }))[Symbol.asyncDispose]()
    const before = await counted(taken)
    expect(await refusal(used, taken)).toMatchObject({ code: 'target_not_empty' })
    expect(await counted(taken)).toEqual(before)

    const foreign = await server.createDatabase()
    const raw = await openDatabase({ databaseUrl: foreign, dataDir: '/nowhere' })
    await sql`drop schema public cascade; create schema public; create table invoices (id text)`.execute(raw.db)
    await raw.close()
    const { code, text } = await refusal(used, foreign)
    expect(code).toBe('target_not_empty')
    expect(text).toContain('invoices')
  })

  test('a database that lets nobody in', async () => {
    expect(await refusal(used, server.address('postgres', 'hunter2-secret'))).toMatchObject({ code: 'database_refused' })
    expect(await refusal(used, server.address('nothing-here'))).toMatchObject({ code: 'database_refused' })
  })
})

test('a move that is stopped leaves nothing, and the next one succeeds', async () => {
  const to = await server.createDatabase()
  for (const phase of ['copying', 'verifying']) {
    const stopping = new AbortController()
    const reason = new Error(`stopped while ${phase}`)
    const stopped = moveHub({
      from: used,
      to,
      signal: stopping.signal,
      onProgress: (progress) => progress.phase === phase && progress.rows > 0 && stopping.abort(reason),
    })
    await expect(stopped).rejects.toBe(reason)
    expect(Object.values(await counted(to)).every((count) => count === 0)).toBe(true)
  }
  await moveHub({ from: join(used, 'hub.sqlite'), to, signal, onProgress })
})

test('without the key that signs sessions all else moves, and that is told', async () => {
  const directory = join(home, 'keyless')
  await cp(await anotherWith(), directory, { recursive: true })
  await rm(join(directory, 'auth-secret'))
  await copyFile(join(directory, 'hub.sqlite'), join(directory, 'copy.sqlite'))
  const to = await server.createDatabase()
  expect(await moveHub({ from: join(directory, 'copy.sqlite'), to, signal, onProgress })).toMatchObject({ sessions: false })
})

describe('what arrived is compared with what was sent', () => {
  const rows = Array.from({ length: BATCH.rows * 2 + 7 }, (_, index) => ({
    key: `key ${index}`,
    value: index % 3 === 0 ? '' : `v${index}`,
  }))

  /** Copies rows into `settings`, lets somebody change them there, and compares. */
  async function verified(change: string, source = rows): Promise<string> {
    await using store = await openPostgresStore(await server.createDatabase())
    return await codeOf(
      store.db.transaction().execute(async (tx) => {
        const table = (await tablesOf(tx)).find(({ name }) => name === 'settings')
        if (table === undefined) throw new Error('no such table')
        const deps = { tx, source: { rows: () => source }, signal, onRows: onProgress }
        const sent = await copyTable(deps, table)
        expect(sent.rows).toBe(source.length)
        await sql.raw(change).execute(tx)
        await verifyTable(deps, table, sent)
      }),
    )
  }

  test.each([
    ['the same', 'select 1', 'accepted'],
    ['moved about', "update settings set value = value || '' where key like '%1'", 'accepted'],
    ['a row fewer', "delete from settings where key = 'key 500'", 'copy_differs'],
    ['a row more', "insert into settings values ('more', '')", 'copy_differs'],
    ['one character', "update settings set value = value || ' ' where key = 'key 1001'", 'copy_differs'],
    [
      'two values swapped',
      "update settings set value = case key when 'key 1' then 'v2' else 'v1' end where key in ('key 1', 'key 2')",
      'copy_differs',
    ],
  ])('%s', async (_name, change, expected) => {
    expect(await verified(change)).toBe(expected)
  })

  test('rows larger than a batch', async () => {
    const large = Array.from({ length: 5 }, (_, index) => ({ key: `${index}`, value: 'ü'.repeat(BATCH.bytes) }))
    expect(await verified('select 1', [...rows, ...large])).toBe('accepted')
  })

  test('a checksum knows rows in any order, and where each value ends', () => {
    function digest(...all: (string | null)[][]): string {
      const checksum = new Checksum()
      for (const row of all) checksum.add(row)
      return checksum.digest
    }
    expect(digest(['a', 'b'], ['c', 'd'])).toBe(digest(['c', 'd'], ['a', 'b']))
    const different = [
      digest(['a', 'bc']),
      digest(['ab', 'c']),
      digest([null, 'c']),
      digest(['', 'c']),
      digest(['n', 'c']),
      digest(['a', 'bc'], ['a', 'bc']),
    ]
    expect(new Set(different).size).toBe(different.length)
  })
})
