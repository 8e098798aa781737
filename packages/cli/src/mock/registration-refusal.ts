import { HubRefusal } from '@websocket-spaces/client'
import { errorMessage, type SpacesError } from '@websocket-spaces/protocol'
import type { Cli } from '../cli.ts'
import type { MessageKey } from '../messages/en.ts'

/**
 * How a refused registration is told. What scripts look for is the same in every language;
 * what to do about it follows in the user's.
 */
export function registrationRefusal(cli: Cli, space: string, error: SpacesError): string[] {
  const { red } = cli.colors
  const lines = reason(cli, space, error).map((line, index) => (index === 0 ? `${red('✗')} Registration failed: ${line}` : `  ${line}`))
  const hint = HINTS[error.code]
  const told = hint === undefined ? (error instanceof HubRefusal ? error.hint : undefined) : cli.t(hint, { space })
  return told === undefined ? lines : [...lines, `  ${told}`]
}

function reason(cli: Cli, space: string, error: SpacesError): string[] {
  const name = space.split('/').at(-1) ?? space
  switch (error.code) {
    case 'space_ambiguous':
      return [`Multiple spaces with name "${name}" found. `, 'Please use unique space names.']
    case 'space_not_found':
      return [errorMessage('space_not_found', 'en', { name: space })]
    default:
      // The hub answers an app in English; the code is enough to say it in the user's language.
      return [cli.language === 'en' ? error.message : errorMessage(error.code, cli.language, { name: space })]
  }
}

const HINTS: Partial<Record<SpacesError['code'], MessageKey>> = {
  space_ambiguous: 'hint.space_ambiguous',
  space_not_found: 'hint.space_not_found',
  token_required: 'hint.token',
  token_invalid: 'hint.token',
  token_mismatch: 'hint.token',
  token_revoked: 'hint.token',
}
