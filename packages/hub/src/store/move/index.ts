import { sql } from 'kysely'
import { type Database, migrate } from '../database.ts'
import { migrations } from '../migrations/index.ts'
import { type CopyDeps, copyTable, verifyTable } from './copy.ts'
import { MoveRefused } from './refusal.ts'
import type { Source } from './source.ts'
import { refuseUnlessEmpty, type Table, tablesOf } from './target.ts'

export interface MoveProgress {
  readonly phase: 'copying' | 'verifying'
  /** Of `total`, in all tables. */
  readonly rows: number
  readonly total: number
}

export interface MovedTable {
  readonly name: string
  readonly rows: number
  /** The same at both ends: 64 hexadecimal digits. */
  readonly checksum: string
}

/** The schema for a hub to move in. Throws `target_not_empty` before anything is made. */
export async function prepareTarget(db: Database, database: string): Promise<void> {
  await refuseUnlessEmpty(db, database)
  await migrate(db, database)
}

/** Throws {@link MoveRefused} unless the file is of this very version. */
export function refuseOtherVersion({ path, migrations: done }: Source): void {
  const unknown = done.find((name) => !Object.hasOwn(migrations, name))
  if (unknown !== undefined) throw new MoveRefused('source_differs', { path, what: unknown })
  const missing = Object.keys(migrations).find((name) => !done.includes(name))
  if (missing !== undefined) throw new MoveRefused('source_older', { path, what: missing })
}

export interface MoveDeps extends Pick<CopyDeps, 'signal'> {
  readonly source: Source
  readonly db: Database
  /** What messages call it. */
  readonly database: string
  readonly onProgress: (progress: MoveProgress) => void
  /** What else belongs to the hub, written in the same transaction. */
  readonly finish: (tx: Database) => Promise<void>
}

/**
 * Copies all tables and compares them, in one transaction: until the last row was read back as it was sent, the target is
 * empty for everybody else, and stays so when this fails or dies. Throws {@link MoveRefused} or the signal's reason.
 */
export async function moveTables({ source, db, database, signal, onProgress, finish }: MoveDeps): Promise<MovedTable[]> {
  return db.transaction().execute(async (tx) => {
    await refuseUnlessEmpty(tx, database)
    const tables = await tablesOf(tx)
    refuseOtherTables(source, tables)
    const total = tables.reduce((sum, { name }) => sum + source.count(name), 0)
    const tell = (phase: MoveProgress['phase']): CopyDeps => {
      let rows = 0
      onProgress({ phase, rows, total })
      return { tx, source, signal, onRows: (done) => onProgress({ phase, rows: (rows += done), total }) }
    }
    const copying = tell('copying')
    const sent = []
    for (const table of tables) sent.push({ table, checksum: await copyTable(copying, table) })
    const verifying = tell('verifying')
    for (const { table, checksum } of sent) await verifyTable(verifying, table, checksum)
    // Without statistics the first queries of the hub would go through whole tables.
    for (const { name } of tables) await sql`analyze ${sql.id(name)}`.execute(tx)
    await finish(tx)
    signal.throwIfAborted()
    return sent.map(({ table, checksum }) => ({ name: table.name, rows: checksum.rows, checksum: checksum.digest }))
  })
}

/** Every table and column goes from one side to the same on the other; none is left behind or stays empty. */
function refuseOtherTables({ path, tables: from }: Source, to: readonly Table[]): void {
  const there = new Set(to.flatMap(({ name, columns }) => columns.map((column) => `${name}.${column.name}`)))
  const here = new Set([...from].flatMap(([name, columns]) => columns.map((column) => `${name}.${column}`)))
  const [unknown] = here.difference(there)
  if (unknown !== undefined) throw new MoveRefused('source_differs', { path, what: unknown })
  const [missing] = there.difference(here)
  if (missing !== undefined) throw new MoveRefused('source_older', { path, what: missing })
}
