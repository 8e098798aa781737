import { HubRefusal } from '@websocket-spaces/client'
import { errorMessage, type SpacesError } from '@websocket-spaces/protocol'
import type { Cli } from '../cli.ts'
import type { MessageKey } from '../messages/en.ts'

export interface AskedSpace {
  /** As typed: `name` or `owner/name`. */
  readonly name: string
  /** False when the token sent was stored for another space. */
  readonly tokenMeant: boolean
}

/**
 * How a refused registration is told. What scripts look for is the same in every language;
 * what to do about it follows in the user's.
 */
export function registrationRefusal(cli: Cli, { name: space, tokenMeant }: AskedSpace, error: SpacesError): string[] {
  const { red } = cli.colors
  const lines = reason(cli, space, error).map((line, index) => (index === 0 ? `${red('✗')} Registration failed: ${line}` : `  ${line}`))
  const aboutToken = HINTS[error.code] === 'hint.token'
  const hint = aboutToken && !tokenMeant ? 'hint.token_not_stored' : HINTS[error.code]
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
