import { SpacesClient } from '@websocket-spaces/client'
import type { Command } from 'commander'
import { hostname, userInfo } from 'node:os'
import type { Cli } from '../cli.ts'
import { CommandFailure } from '../command-failure.ts'
import { hostOption, hubOrigin } from '../options.ts'
import { askPassword, passwordFromStdin } from '../secrets/ask-password.ts'

interface LoginFlags {
  readonly host: string
  readonly username?: string
  readonly passwordStdin?: boolean
}

export function addLogin(program: Command, cli: Cli): void {
  program
    .command('login')
    .description(cli.t('login.description'))
    .addOption(hostOption(cli))
    .option('-u, --username <name>', cli.t('login.option.username'))
    .option('--password-stdin', cli.t('login.option.password_stdin'))
    .addHelpText('after', `\n${cli.t('login.examples')}`)
    .action((flags: LoginFlags) => login(cli, flags))
}

/** Trades the password for an API key of this machine; only the key is stored. */
async function login(cli: Cli, flags: LoginFlags): Promise<void> {
  const host = hubOrigin(flags.host)
  const client = new SpacesClient({ host, language: cli.language })
  await client.info()
  const username = flags.username ?? userInfo().username
  const question = cli.t('login.password_for', { user: username, host })
  const password = flags.passwordStdin === true ? await passwordFromStdin() : await askPassword(question)
  if (password === '') throw new CommandFailure('login.empty_password')
  await client.signIn(username, password)
  try {
    const earlier = await cli.secrets.keyFor(host)
    const { id, token } = await client.createKey(`spaces CLI (${hostname()})`.slice(0, 64))
    await cli.secrets.saveKey(host, { id, username, key: token })
    // Of another user, or revoked meanwhile: then it is not ours to tidy up.
    if (earlier !== undefined) await client.revokeKey(earlier.id).catch(() => undefined)
  } finally {
    await client.signOut().catch(() => undefined)
  }
  cli.out(`${cli.colors.green('✓')} ${cli.t('login.done', { user: username, host })}`)
  cli.out(`  ${cli.t('login.stored', { directory: cli.secrets.directory })}`)
}
