import { HubUnreachable } from '@websocket-spaces/client'
import { SpacesError, type Language } from '@websocket-spaces/protocol'
import type { Cli } from './cli.ts'
import { CommandFailure } from './command-failure.ts'
import type { MessageKey } from './messages/en.ts'

/** One clear text for any error, never a stack trace; SPACES_DEBUG=1 adds it for those who mend this program. */
export function tellFailure(cli: Cli, error: unknown): string {
  const text = `${cli.colors.red('✗')} ${describe(cli, error)}`
  return cli.env['SPACES_DEBUG'] === '1' && error instanceof Error ? `${text}\n${error.stack ?? ''}` : text
}

/** The same without mark and hint, to stand behind something else. */
export function tellReason(cli: Cli, error: unknown): string {
  return describe(cli, error).split('\n')[0] ?? ''
}

function describe(cli: Cli, error: unknown): string {
  if (error instanceof CommandFailure) return cli.t(error.key, error.values)
  if (error instanceof HubUnreachable) return `${error.say(cli.language)}\n  ${cli.t('hint.unreachable')}`
  if (error instanceof SpacesError) return `${error.say(cli.language)}${hintFor(cli, error)}`
  if (saysItself(error)) return error.say(cli.language)
  return cli.t('error.unexpected', { problem: error instanceof Error ? error.message : String(error) })
}

function hintFor(cli: Cli, error: SpacesError): string {
  const hint = HINTS[error.code]
  return hint === undefined ? '' : `\n  ${cli.t(hint)}`
}

const HINTS: Partial<Record<SpacesError['code'], MessageKey>> = {
  not_signed_in: 'hint.log_in',
  space_not_found: 'hint.space_not_found',
  space_ambiguous: 'hint.space_ambiguous',
  app_not_connected: 'hint.app_not_connected',
}

/** The hub's start-up errors, which this file must not import the hub to know. */
function saysItself(error: unknown): error is { say(language: Language): string } {
  return error instanceof Error && 'say' in error && typeof error.say === 'function'
}
