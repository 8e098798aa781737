/** What is wrong with a form's values, said per field in the page's language. */
import { HubError } from '#lib/api/errors.ts'
import { t } from '#lib/i18n/index.svelte.ts'
import type { MessageKey } from '#lib/i18n/index.svelte.ts'
import type { z } from 'zod'

export type Problems = Readonly<Record<string, string>>

/** First problem of each top-level field. `texts` overrides the general wording. */
export function problemsOf(error: z.ZodError, texts: Readonly<Record<string, MessageKey>> = {}): Problems {
  const problems: Record<string, string> = {}
  for (const issue of error.issues) {
    const field = String(issue.path[0] ?? '')
    problems[field] ??= sayIssue(issue, texts[field])
  }
  return problems
}

/** The field a refused call names, if it is one of `fields`. */
export function problemFrom(error: unknown, fields: readonly string[]): Problems | undefined {
  const field = error instanceof HubError ? error.field?.split('.')[0] : undefined
  if (!(error instanceof HubError) || field === undefined || !fields.includes(field)) return undefined
  return { [field]: error.text.replace(/^[\w.]+\s*[:：]\s*/, '') }
}

function sayIssue(issue: z.core.$ZodIssue, special: MessageKey | undefined): string {
  switch (issue.code) {
    case 'too_small':
      if (issue.origin === 'string')
        return Number(issue.minimum) <= 1 ? t('form.required') : t('form.too_short', { min: Number(issue.minimum) })
      return t('form.at_least', { min: Number(issue.minimum) })
    case 'too_big':
      return issue.origin === 'string'
        ? t('form.too_long', { max: Number(issue.maximum) })
        : t('form.at_most', { max: Number(issue.maximum) })
    default:
      return t(special ?? 'form.invalid')
  }
}
