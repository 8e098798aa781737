import { isatty } from 'node:tty'
import type { Language } from '@websocket-spaces/protocol'
import picocolors from 'picocolors'
import { languageOf } from './language.ts'
import { createSecretStore, type SecretStore } from './secrets/secret-store.ts'
import { createTranslate, type Translate } from './translate.ts'

/** What every command needs of the terminal it runs in. */
export interface Cli {
  readonly env: NodeJS.ProcessEnv
  readonly language: Language
  readonly t: Translate
  /** Colours, on a terminal that wants them. */
  readonly colors: ReturnType<typeof picocolors.createColors>
  readonly secrets: SecretStore
  /** One line to standard output. */
  readonly out: (line: string) => void
  /** One line to standard error. */
  readonly err: (line: string) => void
}

export function createCli(env: NodeJS.ProcessEnv): Cli {
  const language = languageOf(env)
  return {
    env,
    language,
    t: createTranslate(language),
    colors: picocolors.createColors(wantsColors(env, isatty(process.stdout.fd))),
    secrets: createSecretStore(),
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
  }
}

/** https://no-color.org and https://force-color.org; otherwise only on a terminal that can. */
export function wantsColors(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false
  if ((env['FORCE_COLOR'] ?? '') !== '') return env['FORCE_COLOR'] !== '0'
  return isTerminal && env['TERM'] !== 'dumb'
}
