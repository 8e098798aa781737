/** What a failed call throws, and how it is said to a person. */
import { ERRORS, SpacesError, errorMessage } from '@websocket-spaces/protocol'
import type { ErrorBody, ErrorCode, Language } from '@websocket-spaces/protocol'
import { language, t } from '#lib/i18n/index.svelte.ts'

/** The hub refused a call. `text` is its message, in the language the call asked for. */
export class HubError extends SpacesError {
  readonly text: string
  readonly field: string | undefined

  constructor(body: ErrorBody['error']) {
    super(body.code)
    this.text = body.message
    this.field = body.field
  }
}

/** No answer, or one that is not the hub's: it is down, restarting, or the network is. */
export class HubUnreachable extends Error {
  override readonly name = 'HubUnreachable'
}

/** One or two sentences for a person, in the page's language. */
export function explain(error: unknown): string {
  if (error instanceof HubError) return inPageLanguage(error.code, error.text)
  if (error instanceof SpacesError) return error.say(language())
  if (error instanceof HubUnreachable) return t('error.unreachable')
  return t('error.unexpected')
}

export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  return error instanceof SpacesError && codes.includes(error.code)
}

/**
 * The message of `code` in the page's language. Stored errors and those fetched before the language
 * was switched carry text in another one; the values in it are kept. An app's own words stay as they are.
 */
export function inPageLanguage(code: ErrorCode, text: string): string {
  for (const source of ['en', 'zh'] satisfies Language[]) {
    const values = valuesIn(ERRORS[code][source], text)
    if (values) return errorMessage(code, language(), values)
  }
  return text
}

function valuesIn(template: string, text: string): Record<string, string> | undefined {
  const pattern = template
    .split(/\{\w+\}/)
    .map((literal) => literal.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('(.+?)')
  const match = new RegExp(`^${pattern}$`, 's').exec(text)
  const names = [...template.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? '')
  return match ? Object.fromEntries(names.map((name, index) => [name, match[index + 1] ?? ''])) : undefined
}
