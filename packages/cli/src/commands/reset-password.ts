import { SpacesError } from '@websocket-spaces/protocol'
import type { Command } from 'commander'
import { CommandFailure } from '../command-failure.ts'
import type { Cli } from '../cli.ts'
import { loadHub } from './serve.ts'

export function addResetPassword(program: Command, cli: Cli): void {
  program
    .command('reset-password')
    .argument('[username]', cli.t('reset_password.argument'), 'admin')
    .description(cli.t('reset_password.description'))
    .action((username: string) => resetPassword(cli, username))
}

/** On the hub's own machine, with the hub stopped: opens its database, and never listens. */
async function resetPassword(cli: Cli, username: string): Promise<void> {
  const { createHub, loadConfig } = await loadHub()
  await using hub = await createHub(loadConfig({ ...cli.env, LOG_LEVEL: 'error' }))
  const password = await hub.resetPassword(username).catch((error: unknown) => {
    const unknown = error instanceof SpacesError && error.code === 'not_found'
    throw unknown ? new CommandFailure('reset_password.unknown', { username }) : error
  })
  cli.out(`${cli.colors.green('✓')} ${cli.t('reset_password.done', { username })}`)
  cli.out(`  ${cli.colors.bold(password)}`)
  cli.out(cli.t('reset_password.change_it'))
}
