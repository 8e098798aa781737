/** What is wrong with a value, said to a person: the `problem` of an `invalid_input` error. */
import type { z } from 'zod'
import type { Language } from './errors.ts'

type Text = Readonly<Record<Language, string>>

/** Rules that zod has no words for; schemas give the English text as their message. */
export const RULES = {
  name: {
    en: 'use letters, digits, ".", "_" or "-", starting with a letter or digit',
    zh: '只能使用字母、数字、“.”、“_”或“-”，并以字母或数字开头',
  },
  notEmpty: { en: 'must not be empty', zh: '不能为空' },
} as const satisfies Record<string, Text>

const CHINESE = new Map<string, string>(Object.values(RULES).map(({ en, zh }) => [en, zh]))

export function inputProblem(issue: z.core.$ZodIssue, language: Language): string {
  if (language === 'zh') return CHINESE.get(issue.message) ?? describe(issue).zh
  return CHINESE.has(issue.message) ? issue.message : describe(issue).en
}

function describe(issue: z.core.$ZodIssue): Text {
  switch (issue.code) {
    case 'too_small':
      return tooSmall(issue.origin, Number(issue.minimum))
    case 'too_big':
      return tooBig(issue.origin, Number(issue.maximum))
    case 'invalid_type':
      return { en: `is missing or not of type ${issue.expected}`, zh: `缺失，或类型不是 ${issue.expected}` }
    case 'invalid_value':
      return { en: `must be one of: ${issue.values.join(', ')}`, zh: `必须是以下之一：${issue.values.join('、')}` }
    case 'unrecognized_keys':
      return { en: 'is not known here', zh: '不是已知的字段' }
    default:
      return { en: 'is not valid', zh: '无效' }
  }
}

function tooSmall(origin: string, minimum: number): Text {
  if (origin === 'string' && minimum <= 1) return RULES.notEmpty
  if (origin === 'string') return { en: `needs at least ${minimum} characters`, zh: `至少需要 ${minimum} 个字符` }
  if (origin === 'array') return { en: `needs at least ${minimum} entries`, zh: `至少需要 ${minimum} 项` }
  return { en: `must be ${minimum} or more`, zh: `不能小于 ${minimum}` }
}

function tooBig(origin: string, maximum: number): Text {
  if (origin === 'string') return { en: `may have at most ${maximum} characters`, zh: `最多 ${maximum} 个字符` }
  if (origin === 'array') return { en: `may have at most ${maximum} entries`, zh: `最多 ${maximum} 项` }
  return { en: `must be ${maximum} or less`, zh: `不能大于 ${maximum}` }
}
