import pg from 'pg'
import { SpacesError } from '@websocket-spaces/protocol'

const DISK_FULL = '53100'
const UNIQUE_VIOLATION = '23505'
const DEADLOCK = '40P01'
/** A prepared statement no longer fits its table, since a later version of the hub has changed it; or is not there. */
const OUTDATED = /^(0A000|26000)$/
/**
 * The connection broke, the server stops or starts, or it has no connection left; it gave this node up, which had frozen
 * in a transaction; or it only reads, as before it takes over from another.
 */
const UNREACHABLE = /^(08|57P|53300|25P03|25006)/

/** Throws it as one of ours where it is about the disk or the way to the server. */
export function translate(error: unknown): never {
  const state = sqlState(error)
  if (state === DISK_FULL) throw new SpacesError('storage_full', {}, { cause: error })
  // What has no state comes not from PostgreSQL but from the way to it.
  const unreachable = state === undefined ? !(error instanceof TypeError) : UNREACHABLE.test(state)
  if (unreachable) throw new SpacesError('storage_unavailable', {}, { cause: error })
  throw error
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === UNIQUE_VIOLATION
}

/** Whether a transaction that failed so may succeed when it simply goes again. */
export function maySucceedAgain(error: unknown): boolean {
  return sqlState(error) === DEADLOCK || isOutdated(error)
}

/** Whether a statement has to be prepared anew. */
export function isOutdated(error: unknown): boolean {
  return OUTDATED.test(sqlState(error) ?? '')
}

/** The five characters of PostgreSQL's own errors, or undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined
}
