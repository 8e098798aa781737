import { migrateAuth } from './accounts/auth.ts'
import { loadSecret, shareSecret } from './accounts/auth-secret.ts'
import { type MovedTable, type MoveProgress, moveTables, prepareTarget, refuseOtherVersion } from './store/move/index.ts'
import { named, openPostgres } from './store/open-postgres.ts'
import { openSource } from './store/move/source.ts'
import { createSettingsStore } from './store/settings.ts'

export interface MoveOptions {
  /** Data directory of a hub on SQLite, or the file in it. */
  readonly from: string
  /** `postgres://…` of an empty database. Holds a password: never to be shown. */
  readonly to: string
  readonly signal: AbortSignal
  readonly onProgress: (progress: MoveProgress) => void
}

export interface MovedHub {
  /** The old data directory, as it was. */
  readonly from: string
  /** `host:port/database` */
  readonly to: string
  readonly tables: readonly MovedTable[]
  /** Whether sessions stay valid: false when the key that signs them was not in the data directory. */
  readonly sessions: boolean
}

/**
 * Moves a whole hub that is stopped from SQLite to PostgreSQL, where hubs started meanwhile wait for the end of it. All of it
 * arrives or nothing. What was handed out to apps waits again once a hub starts, as after any restart.
 * Throws `MoveRefused`, `StartupError` or the signal's reason.
 */
export async function moveHub({ from, to, signal, onProgress }: MoveOptions): Promise<MovedHub> {
  using source = openSource(from)
  refuseOtherVersion(source)
  const secret = await loadSecret(source.directory)
  await using target = await openPostgres(to, prepareTarget)
  const { db } = target
  const tables = await target.alone(async () => {
    const tablesOnly = { secret: secret ?? 'signs nothing: only the tables are made here', secureCookies: false, onError: fail }
    await migrateAuth({ database: { db, type: 'postgres' }, ...tablesOnly })
    return moveTables({
      source,
      db,
      database: named(to),
      signal,
      onProgress,
      async finish(tx) {
        if (secret !== null) await shareSecret(createSettingsStore(tx), secret)
      },
    })
  })
  return { from: source.directory, to: named(to), tables, sessions: secret !== null }
}

function fail(message: string, details: unknown): never {
  throw new Error(message, { cause: details })
}
