import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kysely, sql, SqliteDialect } from 'kysely'
import { describe, expect, test } from 'vitest'
import { GroupCommit } from '../../src/store/group-commit.ts'
import type { Tables } from '../../src/store/schema.ts'
import { SqliteFile } from '../../src/store/sqlite.ts'

type Database = Kysely<Tables>

describe('transactions of one turn share a commit', () => {
  test('GC-1 what one of them throws undoes its own writes alone', async () => {
    await using stage = await openStage()
    const { group, put } = stage
    const results = await Promise.allSettled([
      group.run((tx) => put(tx, 'first'), { durable: true }),
      group.run(
        async (tx) => {
          await put(tx, 'undone')
          throw new Error('on purpose')
        },
        { durable: true },
      ),
      group.run((tx) => put(tx, 'last'), { durable: true }),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await stage.keys()).toEqual(['first', 'last'])
  })

  test('GC-2 one that comes alone and throws leaves nothing', async () => {
    await using stage = await openStage()
    const work = async (tx: Database): Promise<never> => {
      await stage.put(tx, 'undone')
      throw new Error('on purpose')
    }
    await expect(stage.group.run(work, { durable: true })).rejects.toThrow('on purpose')
    expect(await stage.keys()).toEqual([])
  })

  test('GC-3 each sees what those before it wrote; nobody outside sees it before the commit', async () => {
    await using stage = await openStage()
    const { group, put, keysIn, db } = stage
    let outside: Promise<string[]> | undefined
    const writes = group.run(
      async (tx) => {
        await put(tx, 'written')
        outside = keysIn(db)
        return keysIn(tx)
      },
      { durable: true },
    )
    const reads = group.run((tx) => keysIn(tx), { durable: false })
    expect(await writes).toEqual(['written'])
    expect(await reads).toEqual(['written'])
    // It had to wait its turn, and so read what was committed.
    expect(await outside).toEqual(['written'])
  })

  test('GC-7 what need not be durable comes last, whenever in the turn it was asked', async () => {
    await using stage = await openStage()
    const { group, put, keysIn } = stage
    const reads = group.run((tx) => keysIn(tx), { durable: false })
    await group.run((tx) => put(tx, 'written'), { durable: true })
    expect(await reads).toEqual(['written'])
  })

  test('GC-12 whoever writes without a group waits for the disk, in a transaction of his own or without', async () => {
    await using stage = await openStage()
    const { group, put, db } = stage
    const FULL = 2
    const level = async (tx: Database): Promise<unknown> =>
      (await sql<{ synchronous: number }>`pragma synchronous`.execute(tx)).rows[0]?.synchronous
    for (const alone of [
      (key: string) => put(db, key).then(() => level(db)),
      (key: string) => db.transaction().execute(async (tx) => [await level(tx), await put(tx, key)][0]),
    ]) {
      const grouped = await group.run(async (tx) => [await level(tx), await put(tx, `group ${alone.length}`)][0], { durable: true })
      expect(grouped).toBe(1)
      expect(await alone('alone')).toBe(FULL)
      await db.deleteFrom('settings').execute()
    }
  })

  test('GC-13 what a listener throws fails nobody who shares its flush', async () => {
    await using stage = await openStage()
    const { group, put, keys } = stage
    const warned = once(process, 'warning')
    const fail = (): never => {
      throw new Error('on purpose')
    }
    await Promise.all([
      group.run((tx) => put(tx, 'a'), { durable: false, onLasting: fail }),
      group.run((tx) => put(tx, 'b'), { durable: true, onCommitted: fail }),
      group.run((tx) => put(tx, 'c'), { durable: true }),
    ])
    expect(await keys()).toEqual(['a', 'b', 'c'])
    expect(await warned).toMatchObject([{ message: 'on purpose' }])
  })

  test('GC-4 what comes while a commit is under way is committed after it', async () => {
    await using stage = await openStage()
    const { group, put } = stage
    let second: Promise<void> | undefined
    await group.run(
      async (tx) => {
        await put(tx, 'outer')
        second = group.run((inner) => put(inner, 'inner'), { durable: true })
      },
      { durable: true },
    )
    await second
    expect(await stage.keys()).toEqual(['inner', 'outer'])
  })
})

test('GC-5 after a flush that failed nothing is written any more', async () => {
  await using stage = await openStage()
  closeSync(stage.log)
  await expect(stage.group.run((tx) => stage.put(tx, 'lost?'), { durable: true })).rejects.toThrow('EBADF')
  await expect(stage.group.run((tx) => stage.put(tx, 'refused'), { durable: false })).rejects.toThrow('EBADF')
  expect(await stage.keys()).not.toContain('refused')
})

test('GC-6 a full disk fails all who shared the commit, and later ones go on', async () => {
  await using stage = await openStage()
  const { group, put, file } = stage
  await group.run((tx) => put(tx, 'before'), { durable: true })
  file.exec('pragma max_page_count = 3')
  const fill = (tx: Database): Promise<void> => put(tx, 'x'.repeat(100_000))
  const results = await Promise.allSettled([group.run((tx) => put(tx, 'beside'), { durable: true }), group.run(fill, { durable: true })])
  expect(results[1]).toMatchObject({ status: 'rejected', reason: { code: 'storage_full' } })
  file.exec('pragma max_page_count = 1000000')
  await group.run((tx) => put(tx, 'later'), { durable: true })
  const kept = results[0]?.status === 'fulfilled' ? ['before', 'beside', 'later'] : ['before', 'later']
  expect(await stage.keys()).toEqual(kept)
})

describe('what nobody waits for lasts soon', () => {
  test('GC-8 it is told with the flush of whoever comes next, before him', async () => {
    await using stage = await openStage()
    const { group, put } = stage
    const told: string[] = []
    const onLasting = (): void => void told.push('lasts')
    await group.run((tx) => put(tx, 'first'), { durable: false, onLasting, onCommitted: () => told.push('committed') })
    expect(told).toEqual(['committed'])
    await group.run((tx) => put(tx, 'second'), { durable: true }).then(() => told.push('waited for'))
    expect(told).toEqual(['committed', 'lasts', 'waited for'])
  })

  test('GC-9 it is told when nobody comes, and whoever asks what is told waits for that', async () => {
    await using stage = await openStage()
    const { group, put } = stage
    const { promise, resolve } = Promise.withResolvers<string>()
    await group.run(
      async (tx) => {
        await put(tx, 'alone')
        return 'alone'
      },
      { durable: false, onLasting: resolve },
    )
    expect(await promise).toBe('alone')
    let isTold = false
    await group.run((tx) => put(tx, 'asked for'), { durable: false, onLasting: () => void (isTold = true) })
    await group.asked()
    expect(isTold).toBe(true)
  })

  test('GC-10 it is not told when the disk fails, and what was read then is not believed', async () => {
    await using stage = await openStage()
    const { group, put } = stage
    let isTold = false
    await group.run((tx) => put(tx, 'lost?'), { durable: false, onLasting: () => void (isTold = true) })
    closeSync(stage.log)
    await expect(group.flushed()).rejects.toThrow('EBADF')
    await expect(group.flushed()).rejects.toThrow('EBADF')
    expect(isTold).toBe(false)
  })

  test('GC-11 a claim that is asked for in the same turn comes after it', async () => {
    await using stage = await openStage()
    const { group, put, keysIn } = stage
    const reads = group.run((tx) => keysIn(tx), { durable: false })
    await group.run((tx) => put(tx, 'written'), { durable: false, onLasting: () => undefined })
    expect(await reads).toEqual(['written'])
  })
})

async function openStage() {
  const directory = await mkdtemp(join(tmpdir(), 'hub-group-'))
  const path = join(directory, 'test.sqlite')
  const file = new SqliteFile(path)
  file.exec('pragma locking_mode = exclusive; pragma journal_mode = wal; create table settings (key text primary key, value text not null)')
  const db: Database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: file }) })
  const log = openSync(`${path}-wal`, 'r')
  file.serve(db)
  const group = new GroupCommit(db, file, log)
  const keysIn = async (from: Database): Promise<string[]> =>
    (await from.selectFrom('settings').select('key').orderBy('key').execute()).map(({ key }) => key)
  return {
    db,
    file,
    log,
    group,
    keysIn,
    keys: () => keysIn(db),
    put: async (tx: Database, key: string): Promise<void> => {
      await tx.insertInto('settings').values({ key, value: '' }).execute()
    },
    async [Symbol.asyncDispose]() {
      await group.flushed().catch(() => undefined)
      await db.destroy()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
