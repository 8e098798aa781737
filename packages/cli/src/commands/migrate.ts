import type { MovedHub } from '@websocket-spaces/hub'
import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { CommandFailure, Exit } from '../command-failure.ts'
import { createMoveProgress } from '../move-progress.ts'
import { onStopSignal } from '../stop-signal.ts'
import { loadHub } from './serve.ts'

interface MigrateFlags {
  readonly from: string
  readonly to?: string
}

export function addMigrate(program: Command, cli: Cli): void {
  program
    .command('migrate')
    .description(cli.t('migrate.description'))
    .requiredOption('--from <address>', cli.t('migrate.option.from'))
    .option('--to <address>', cli.t('migrate.option.to'))
    .addHelpText('after', `\n${cli.t('migrate.examples')}`)
    .action((flags: MigrateFlags) => migrate(cli, flags))
}

/** On the old hub's own machine, with that hub stopped. */
async function migrate(cli: Cli, flags: MigrateFlags): Promise<void> {
  const from = sqlitePath(flags.from)
  const to = postgresAddress(flags.to ?? cli.env['DATABASE_URL'] ?? '')
  const { moveHub } = await loadHub()
  const stopping = new AbortController()
  const stopListening = onStopSignal((signal) => stopping.abort(new Exit(signal === 'SIGINT' ? 130 : 143)))
  const progress = createMoveProgress(cli)
  try {
    const moved = await moveHub({ from, to, signal: stopping.signal, onProgress: progress.show })
    progress.stop()
    tellMoved(cli, moved)
  } catch (error) {
    progress.stop()
    if (stopping.signal.aborted) cli.err(cli.t('migrate.stopped'))
    throw error
  } finally {
    stopListening()
  }
}

function sqlitePath(address: string): string {
  const path = /^sqlite:(?:\/\/)?(.+)$/.exec(address)?.[1]
  if (path === undefined) throw new CommandFailure('migrate.bad_from', { address })
  return path
}

/** What was typed may hold a password, so it is not repeated. */
function postgresAddress(address: string): string {
  if (/^postgres(ql)?:\/\//.test(address) && URL.canParse(address)) return address
  throw new CommandFailure(address === '' ? 'migrate.no_to' : 'migrate.bad_to')
}

/** The table of what was moved goes to standard output, for whoever keeps a record. */
function tellMoved(cli: Cli, { from, to, tables, sessions }: MovedHub): void {
  const { t } = cli
  const width = Math.max(...tables.map(({ name }) => name.length))
  const digits = Math.max(...tables.map(({ rows }) => String(rows).length))
  for (const { name, rows, checksum } of tables)
    cli.out(`  ${name.padEnd(width)}  ${String(rows).padStart(digits)}  sha256 ${checksum.slice(0, 16)}`)
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  cli.out(`${cli.colors.green('✓')} ${t('migrate.done', { rows, tables: tables.length, to })}`)
  if (!sessions) cli.err(t('migrate.no_sessions', { from }))
  cli.out(t('migrate.next', { from }))
}
