import { Command, CommanderError } from 'commander'
import { createCli, type Cli } from './cli.ts'
import { addLogin } from './commands/login.ts'
import { addLogout } from './commands/logout.ts'
import { addMigrate } from './commands/migrate.ts'
import { addMockApp } from './commands/mock-app.ts'
import { addResetPassword } from './commands/reset-password.ts'
import { addServe } from './commands/serve.ts'
import { addSetupSpace } from './commands/setup-space.ts'
import { addSubmit } from './commands/submit.ts'
import { addToken } from './commands/token.ts'
import { addVerify } from './commands/verify.ts'
import { Exit } from './command-failure.ts'
import { tellFailure } from './failures.ts'
import { usageProblem } from './usage-problem.ts'
import { VERSION } from './version.ts'

/** Runs one command line; returns the exit status. */
export async function runCli(args: readonly string[], cli: Cli = createCli(process.env)): Promise<number> {
  const program = createProgram(cli)
  if (args.length === 0) program.outputHelp()
  try {
    if (args.length > 0) await program.parseAsync(args, { from: 'user' })
    return typeof process.exitCode === 'number' ? process.exitCode : 0
  } catch (error) {
    if (error instanceof Exit) return error.status
    if (error instanceof CommanderError) return endOfParsing(cli, error)
    cli.err(tellFailure(cli, error))
    return 1
  }
}

/** Commander throws for `--help` and `--version` too, having printed them. */
function endOfParsing(cli: Cli, error: CommanderError): number {
  if (error.exitCode === 0 || error.code === 'commander.help') return error.exitCode
  cli.err(`${cli.colors.red('✗')} ${usageProblem(cli.t, error)}\n  ${cli.t('usage.see_help')}`)
  return error.exitCode
}

export function createProgram(cli: Cli): Command {
  const program = new Command('spaces')
  localise(program, cli)
  program
    .description(cli.t('program.description'))
    .version(VERSION, '-V, --version', cli.t('option.version'))
    .helpCommand('help [command]', cli.t('command.help'))
    .addHelpText('after', `\n${cli.t('program.examples')}`)
  const host = [addServe, addResetPassword, addMigrate]
  for (const add of [...host, addSetupSpace, addMockApp, addVerify, addLogin, addLogout, addToken, addSubmit]) add(program, cli)
  return program
}

/** Inherited by every command made from this one. */
function localise(program: Command, cli: Cli): void {
  const { t } = cli
  const titles: Readonly<Record<string, string>> = {
    'Usage:': t('help.usage'),
    'Arguments:': t('help.arguments'),
    'Options:': t('help.options'),
    'Commands:': t('help.commands'),
  }
  program
    .helpOption('-h, --help', t('option.help'))
    .configureHelp({
      styleTitle: (title) => cli.colors.bold(titles[title] ?? title),
      optionDescription: (option) => {
        const value: unknown = option.defaultValue
        if (option.negate || (typeof value !== 'string' && typeof value !== 'number')) return option.description
        return t('help.with_default', { description: option.description, value })
      },
    })
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
}
