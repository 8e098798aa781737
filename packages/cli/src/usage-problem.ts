import type { CommanderError } from 'commander'
import type { MessageKey } from './messages/en.ts'
import type { Translate } from './translate.ts'

const PROBLEMS: Readonly<Record<string, MessageKey>> = {
  'commander.unknownOption': 'usage.unknown_option',
  'commander.unknownCommand': 'usage.unknown_command',
  'commander.missingArgument': 'usage.missing_argument',
  'commander.missingMandatoryOptionValue': 'usage.missing_option',
  'commander.optionMissingArgument': 'usage.option_needs_value',
  'commander.excessArguments': 'usage.excess_arguments',
  'commander.invalidArgument': 'usage.invalid_value',
}

/** Commander speaks English only; the code says what is wrong, its text says where, and what an option takes. */
export function usageProblem(t: Translate, error: CommanderError): string {
  const key = PROBLEMS[error.code]
  const [, what = ''] = /'([^']*)'/.exec(error.message) ?? []
  const [, choices] = /Allowed choices are (.*)\.$/.exec(error.message) ?? []
  if (choices !== undefined) return t('usage.invalid_choice', { what, choices: choices.replaceAll(', ', ' | ') })
  if (key !== undefined) return t(key, { what })
  return error.message.replace(/^error: /, '')
}
