import { sql } from 'kysely'
import type { Database } from '../database.ts'
import { MoveRefused } from './refusal.ts'
import { type Kind, kindOf, sizeOf, type Value } from './values.ts'

export interface Column {
  readonly name: string
  /** As PostgreSQL calls it. */
  readonly type: string
  readonly kind: Kind
}

export interface Table {
  readonly name: string
  readonly columns: readonly Column[]
}

/** About as much of a table as is in memory at a time; one row may be larger. */
export const BATCH = { rows: 500, bytes: 4 * 1024 ** 2 } as const

/** The hub's tables in PostgreSQL, each after those it refers to. */
export async function tablesOf(db: Database): Promise<Table[]> {
  const { rows } = await sql<{ table: string; column: string; type: string }>`
    select c.relname as table, a.attname as column, format_type(a.atttypid, null) as type
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
    where n.nspname = current_schema() and c.relkind = 'r' and c.relname not like 'kysely\\_%'
      and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    order by c.relname, a.attnum`.execute(db)
  const columns = Map.groupBy(rows, ({ table }) => table)
  return inOrder([...columns.keys()], await references(db)).map((name) => ({
    name,
    columns: (columns.get(name) ?? []).map(({ column, type }) => ({ name: column, type, kind: kindOf(type) })),
  }))
}

async function references(db: Database): Promise<{ from: string; to: string }[]> {
  const { rows } = await sql<{ from: string; to: string }>`
    select f.relname as from, t.relname as to
    from pg_constraint k join pg_class f on f.oid = k.conrelid join pg_class t on t.oid = k.confrelid
    where k.contype = 'f' and f.oid <> t.oid`.execute(db)
  return rows
}

function inOrder(tables: readonly string[], references: readonly { from: string; to: string }[]): string[] {
  const ordered = new Set<string>()
  function place(table: string): void {
    if (ordered.has(table)) return
    for (const { from, to } of references) if (from === table) place(to)
    ordered.add(table)
  }
  for (const table of tables) place(table)
  return [...ordered]
}

/** Throws `target_not_empty` unless the database has no tables, or just those of a hub that never ran, without a row. */
export async function refuseUnlessEmpty(db: Database, database: string): Promise<void> {
  const { rows } = await sql<{ name: string }>`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = current_schema() and c.relkind in ('r', 'p', 'v', 'm', 'f') order by c.relname`.execute(db)
  const names = rows.map(({ name }) => name)
  const [foreign] = names.includes('kysely_migration') ? [] : names
  if (foreign !== undefined) throw new MoveRefused('target_not_empty', { database, table: foreign })
  for (const name of names.filter((name) => !name.startsWith('kysely_'))) {
    const found = await sql`select 1 from ${sql.id(name)} limit 1`.execute(db)
    if (found.rows.length > 0) throw new MoveRefused('target_not_empty', { database, table: name })
  }
}

/** Writes rows, whose values are in the order of the columns, by one statement, the same for batches of any size. */
export async function insertRows(tx: Database, { name, columns }: Table, rows: readonly (readonly Value[])[]): Promise<void> {
  const arrays = columns.map(({ type }, index) => sql`${rows.map((row) => row[index])}::${sql.raw(type)}[]`)
  const names = columns.map((column) => sql.id(column.name))
  await sql`insert into ${sql.id(name)} (${sql.join(names)}) select * from unnest(${sql.join(arrays)})`.execute(tx)
}

/** All rows of a table, as many at a time as fit a batch by the size of those before. Needs a transaction. */
export async function* readRows(tx: Database, { name, columns }: Table): AsyncGenerator<Value[]> {
  const names = columns.map((column) => sql.id(column.name))
  await sql`declare moved no scroll cursor for select ${sql.join(names)} from ${sql.id(name)}`.execute(tx)
  let count = 10
  for (;;) {
    const { rows } = await sql<Record<string, Value>>`fetch forward ${sql.lit(count)} from moved`.execute(tx)
    if (rows.length === 0) break
    let bytes = 0
    for (const row of rows) {
      const values = columns.map((column) => row[column.name] ?? null)
      for (const value of values) bytes += sizeOf(value)
      yield values
    }
    count = Math.max(1, Math.min(BATCH.rows, count * 4, Math.floor((rows.length * BATCH.bytes) / bytes)))
  }
  await sql`close moved`.execute(tx)
}
