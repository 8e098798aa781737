import type { SpacesClient } from '@websocket-spaces/client'
import { SpacesError, type SecretView } from '@websocket-spaces/protocol'
import type { Command } from 'commander'
import { hostname } from 'node:os'
import type { Cli } from '../cli.ts'
import { CommandFailure } from '../command-failure.ts'
import { asUser } from '../hub-access.ts'
import { hostOption, hubOrigin } from '../options.ts'

interface CreateFlags {
  readonly host: string
  readonly name: string
  readonly save?: boolean
}

export function addToken(program: Command, cli: Cli): void {
  const token = program.command('token').description(cli.t('token.description')).helpCommand('help [command]', cli.t('command.help'))
  token
    .command('create [space]')
    .description(cli.t('token.create.description'))
    .addOption(hostOption(cli))
    .option('--name <text>', cli.t('token.option.name'), hostname().slice(0, 64))
    .option('--save', cli.t('token.option.save'))
    .action((space: string | undefined, flags: CreateFlags) => create(cli, space, flags))
  token
    .command('list [space]')
    .description(cli.t('token.list.description'))
    .addOption(hostOption(cli))
    .action((space: string | undefined, flags: { host: string }) => list(cli, space, flags.host))
  token
    .command('revoke <id> [space]')
    .description(cli.t('token.revoke.description'))
    .addOption(hostOption(cli))
    .action((id: string, space: string | undefined, flags: { host: string }) => revoke(cli, id, space, flags.host))
}

async function create(cli: Cli, space: string | undefined, flags: CreateFlags): Promise<void> {
  const host = hubOrigin(flags.host)
  const { created, reference } = await asUser(cli, host, async (client) => {
    const owned = await referenceTo(client, space)
    return { created: await client.createConnectToken(flags.name, owned), reference: owned }
  })
  if (flags.save === true) await cli.secrets.saveToken(host, reference ?? null, created.token)
  cli.err(cli.t(reference === undefined ? 'token.created_for_all' : 'token.created_for', { space: reference ?? '', id: created.id }))
  cli.err(cli.t(flags.save === true ? 'token.saved' : 'token.shown_once', { directory: cli.secrets.directory }))
  // The token alone on standard output, so that a script can take it.
  cli.out(created.token)
}

async function list(cli: Cli, space: string | undefined, host: string): Promise<void> {
  const tokens = await asUser(cli, hubOrigin(host), async (client) => client.listConnectTokens(await referenceTo(client, space)))
  if (tokens.length === 0) return cli.err(cli.t('token.none'))
  for (const token of tokens) cli.out(tokenLine(cli, token))
}

function tokenLine(cli: Cli, token: SecretView): string {
  const used = token.last_used_at === null ? cli.t('token.never_used') : cli.t('token.last_used', { at: token.last_used_at })
  return [token.id, `…${token.hint}`, token.space ?? cli.t('token.all_spaces'), token.name, used].join('  ')
}

async function revoke(cli: Cli, id: string, space: string | undefined, host: string): Promise<void> {
  await asUser(cli, hubOrigin(host), async (client) => {
    const reference = await referenceTo(client, space)
    await client.revokeConnectToken(id, reference).catch((error: unknown) => {
      if (!(error instanceof SpacesError) || error.code !== 'not_found') throw error
      const key = reference === undefined ? 'token.unknown' : 'token.unknown_in'
      throw new CommandFailure(key, { id, space: reference ?? '' }, { cause: error })
    })
  })
  cli.out(`${cli.colors.green('✓')} ${cli.t('token.revoked', { id })}`)
}

/** `owner/name` of what was typed; undefined when no space was. */
async function referenceTo(client: SpacesClient, space: string | undefined): Promise<string | undefined> {
  if (space === undefined || space.includes('/')) return space
  const found = await client.findSpace(space)
  return `${found.owner}/${found.name}`
}
