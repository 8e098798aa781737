import {
  type Compilable,
  type CompiledQuery,
  DeleteQueryNode,
  InsertQueryNode,
  type RawBuilder,
  type RootOperationNode,
  sql,
  UpdateQueryNode,
} from 'kysely'
import type { Database } from './database.ts'
import { isPostgres } from './dialect.ts'
import { shareOf } from './postgres-transaction.ts'
import { keepPrepared } from './prepared.ts'
import { sqliteOf } from './sqlite.ts'

type Values = Readonly<Record<string, unknown>>

/** Stands in a query for a value given later. */
class Slot {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** What the query is built with: `slot('id')` for the value named `id`. */
export type SlotFor<P extends Values> = <K extends keyof P & string>(name: K) => RawBuilder<P[K]>

/** A slot as a limit: SQLite compiles a statement anew whenever the bare parameter of a limit is bound, but not this sum. */
export function limitOf(slot: RawBuilder<number>): RawBuilder<number> {
  return sql`${slot} + 0`
}

/**
 * A query that is built and compiled once for each kind of database, and then only run: building and compiling take
 * several times as long as SQLite takes to answer. On SQLite it also goes straight to the file where it may; PostgreSQL
 * keeps it prepared, and in a shared transaction what it writes is not waited for before the commit.
 */
export function statement<P extends Values, R = never>(
  build: (db: Database, slot: SlotFor<P>) => Compilable<R>,
): (db: Database, values: P) => Promise<R[]> {
  const compiled = new Map<boolean, Compiled<R>>()

  function compile(db: Database, postgres: boolean): Compiled<R> {
    const query = build(db, (name) => sql`${new Slot(name)}`).compile()
    const statement = { query, isSilent: isSilent(query.query) }
    compiled.set(postgres, statement)
    if (postgres) keepPrepared(query.sql)
    return statement
  }

  return async (db, values) => {
    const file = sqliteOf(db)
    const postgres = file === undefined && isPostgres(db)
    const { query, isSilent } = compiled.get(postgres) ?? compile(db, postgres)
    const parameters = query.parameters.map((parameter) => (parameter instanceof Slot ? values[parameter.name] : parameter))
    if (file !== undefined) return file.prepare(query.sql).all(parameters) as R[]
    const share = shareOf(db)
    if (share === undefined) return (await db.executeQuery<R>({ ...query, parameters })).rows
    if (!isSilent) return share.read(query, parameters)
    share.write(query, parameters)
    return []
  }
}

interface Compiled<R> {
  readonly query: CompiledQuery<R>
  /** It writes and answers nothing. */
  readonly isSilent: boolean
}

function isSilent(node: RootOperationNode): boolean {
  return (InsertQueryNode.is(node) || UpdateQueryNode.is(node) || DeleteQueryNode.is(node)) && node.returning === undefined
}
