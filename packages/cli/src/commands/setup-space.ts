import type { SpacesClient } from '@websocket-spaces/client'
import type { Space } from '@websocket-spaces/protocol'
import type { Command } from 'commander'
import { hostname } from 'node:os'
import type { Cli } from '../cli.ts'
import { signInAsAdmin, type AdminOptions } from '../hub-access.ts'
import { hostOption, hubOrigin } from '../options.ts'

interface SetupFlags extends AdminOptions {
  readonly host: string
  readonly name?: string
  readonly printToken?: boolean
}

export function addSetupSpace(program: Command, cli: Cli): void {
  program
    .command('setup-space')
    .description(cli.t('setup.description'))
    .addOption(hostOption(cli))
    .option('--admin-user <name>', cli.t('option.admin_user'), 'admin')
    .option('--admin-pass <password>', cli.t('option.admin_pass'))
    .option('--name <name>', cli.t('setup.option.name'))
    .option('--print-token', cli.t('setup.option.print_token'))
    .addHelpText('after', `\n${cli.t('setup.examples')}`)
    .action((flags: SetupFlags) => setupSpace(cli, flags))
}

async function setupSpace(cli: Cli, flags: SetupFlags): Promise<void> {
  const host = hubOrigin(flags.host)
  cli.out('Creating test WebSocket space...')
  cli.out(`Host: ${host}`)
  cli.out(`Admin User: ${flags.adminUser}`)
  cli.out('')
  const client = await signInAsAdmin(cli, host, flags)
  const space = await client.createSpace({ name: flags.name ?? `TestSpace_${Math.floor(Date.now() / 1000)}` })
  const reference = `${space.owner}/${space.name}`
  const { token } = await client.createConnectToken(`setup-space (${hostname()})`.slice(0, 64), reference)
  await cli.secrets.saveToken(host, reference, token)
  cli.out(`${cli.colors.green('✓')} Space created: ${space.name}`)
  cli.out('')
  cli.out('Now run the mock app with:')
  cli.out(`  npm run mock-app -- --host ${host} --spaces "${await shortestName(client, space)}"`)
  if (flags.printToken === true) cli.out(`\n${cli.t('setup.token')}\n${token}`)
  await client.signOut().catch(() => undefined)
}

/** The bare name, unless another owner has a space of that name: then only `owner/name` registers. */
async function shortestName(client: SpacesClient, space: Space): Promise<string> {
  const { spaces } = await client.listSpaces({ search: space.name, limit: 100 })
  const shared = spaces.some((other) => other.name === space.name && other.owner !== space.owner)
  return shared ? `${space.owner}/${space.name}` : space.name
}
