import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { Exit } from '../command-failure.ts'
import { signInAsAdmin } from '../hub-access.ts'
import { hubOrigin } from '../options.ts'
import { onStopSignal } from '../stop-signal.ts'
import { runChecklist, type Score } from '../verify/checklist.ts'
import { Stage } from '../verify/stage.ts'

interface VerifyFlags {
  readonly host?: string
  readonly adminUser: string
  readonly adminPass?: string
  readonly browser: boolean
}

export function addVerify(program: Command, cli: Cli): void {
  program
    .command('verify')
    .description(cli.t('verify.description'))
    .option('--host <address>', cli.t('verify.option.host'))
    .option('--admin-user <name>', cli.t('option.admin_user'), 'admin')
    .option('--admin-pass <password>', cli.t('option.admin_pass'))
    .option('--no-browser', cli.t('verify.option.no_browser'))
    .addHelpText('after', `\n${cli.t('verify.examples')}`)
    .action((flags: VerifyFlags) => verify(cli, flags))
}

async function verify(cli: Cli, flags: VerifyFlags): Promise<void> {
  const host = flags.host === undefined ? undefined : hubOrigin(flags.host)
  const stopping = new AbortController()
  const stop = (signal: NodeJS.Signals) => stopping.abort(new Exit(signal === 'SIGINT' ? 130 : 143))
  const stopListening = onStopSignal(stop)
  cli.out(host === undefined ? cli.t('verify.own_hub') : cli.t('verify.running_hub', { host }))
  try {
    const score = await check(cli, { ...flags, host }, stopping.signal)
    cli.out('')
    tellScore(cli, score)
    if (score.failed > 0) throw new Exit(1)
  } finally {
    stopListening()
  }
}

async function check(cli: Cli, options: ConstructorParameters<typeof Stage>[1], signal: AbortSignal): Promise<Score> {
  const sections = await Promise.all([
    import('../verify/checks/basics.ts').then((module) => module.basics),
    import('../verify/checks/requests.ts').then((module) => module.requests),
    import('../verify/checks/concurrency.ts').then((module) => module.concurrency),
    import('../verify/checks/connection.ts').then((module) => module.connection),
    import('../verify/checks/security.ts').then((module) => module.security),
  ])
  await using stage = new Stage(cli, options)
  await stage.prepare()
  // On a running hub, 20 failures for one wrong password would tell nobody more.
  if (options.host !== undefined) await (await signInAsAdmin(cli, options.host, options)).signOut()
  return await runChecklist(cli, sections, stage, signal)
}

function tellScore(cli: Cli, { passed, failed }: Score): void {
  const text = cli.t('verify.score', { passed, total: passed + failed })
  cli.out(failed === 0 ? cli.colors.green(`✓ ${text}`) : cli.colors.red(`✗ ${text}`))
}
