import { SpacesClient } from '@websocket-spaces/client'
import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { hostOption, hubOrigin } from '../options.ts'

export function addLogout(program: Command, cli: Cli): void {
  program
    .command('logout')
    .description(cli.t('logout.description'))
    .addOption(hostOption(cli))
    .action((flags: { host: string }) => logout(cli, flags.host))
}

/** Revokes the key on the hub and forgets it here; forgets it even when the hub cannot be reached, and says so. */
async function logout(cli: Cli, host: string): Promise<void> {
  const origin = hubOrigin(host)
  const stored = await cli.secrets.keyFor(origin)
  if (stored === undefined) return cli.out(cli.t('logout.was_not', { host: origin }))
  const client = new SpacesClient({ host: origin, apiKey: stored.key, language: cli.language })
  const revoked = await client.revokeKey(stored.id).then(
    () => true,
    () => false,
  )
  await cli.secrets.forgetKey(origin)
  cli.out(`${cli.colors.green('✓')} ${cli.t('logout.done', { host: origin })}`)
  if (!revoked) cli.err(`  ${cli.t('logout.not_revoked')}`)
}
