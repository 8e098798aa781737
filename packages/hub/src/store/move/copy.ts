import type { Database } from '../database.ts'
import { Checksum } from './checksum.ts'
import { MoveRefused } from './refusal.ts'
import type { Source } from './source.ts'
import { BATCH, insertRows, readRows, type Table } from './target.ts'
import { fromSqlite, sizeOf, type Value } from './values.ts'

export interface CopyDeps {
  /** A transaction: what is not finished was never there. */
  readonly tx: Database
  readonly source: Pick<Source, 'rows'>
  readonly signal: AbortSignal
  /** Called with the number of rows just done. */
  readonly onRows: (rows: number) => void
}

/** Copies a table; returns the checksum of what was read and sent. Throws {@link MoveRefused} or the signal's reason. */
export async function copyTable({ tx, source, signal, onRows }: CopyDeps, table: Table): Promise<Checksum> {
  const sent = new Checksum()
  let batch: Value[][] = []
  let bytes = 0
  async function send(): Promise<void> {
    signal.throwIfAborted()
    await insertRows(tx, table, batch)
    onRows(batch.length)
    batch = []
    bytes = 0
  }
  for (const row of source.rows(table.name)) {
    const values = table.columns.map((column) => valueOf(row[column.name], table, column))
    sent.add(values)
    batch.push(values)
    for (const value of values) bytes += sizeOf(value)
    if (batch.length >= BATCH.rows || bytes >= BATCH.bytes) await send()
  }
  if (batch.length > 0) await send()
  return sent
}

function valueOf(value: unknown, table: Table, { name, type, kind }: Table['columns'][number]): Value {
  const fit = fromSqlite(kind, value)
  if (fit === undefined) throw new MoveRefused('value_unfit', { table: table.name, column: name, type })
  return fit
}

/** Reads a table back and compares it with what was sent. Throws `copy_differs`, or the signal's reason. */
export async function verifyTable({ tx, signal, onRows }: Omit<CopyDeps, 'source'>, table: Table, sent: Checksum): Promise<void> {
  const arrived = new Checksum()
  for await (const row of readRows(tx, table)) {
    arrived.add(row)
    if (arrived.rows % BATCH.rows !== 0) continue
    signal.throwIfAborted()
    onRows(BATCH.rows)
  }
  onRows(arrived.rows % BATCH.rows)
  if (arrived.rows === sent.rows && arrived.digest === sent.digest) return
  throw new MoveRefused('copy_differs', { table: table.name, sent: shown(sent), arrived: shown(arrived) })
}

function shown({ rows, digest }: Checksum): string {
  return `${rows} × ${digest.slice(0, 16)}`
}
