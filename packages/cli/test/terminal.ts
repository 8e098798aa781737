import type { Language } from '@websocket-spaces/protocol'
import picocolors from 'picocolors'
import type { Cli } from '../src/cli.ts'
import { createSecretStore } from '../src/secrets/secret-store.ts'
import { createTranslate } from '../src/translate.ts'

/** A terminal without colours whose lines a test can read. */
export function terminal(
  language: Language = 'en',
  env: NodeJS.ProcessEnv = {},
): Cli & { readonly printed: string[]; readonly complained: string[] } {
  const printed: string[] = []
  const complained: string[] = []
  return {
    env,
    language,
    t: createTranslate(language),
    colors: picocolors.createColors(false),
    secrets: createSecretStore('/nonexistent/spaces-test'),
    out: (line) => void printed.push(line),
    err: (line) => void complained.push(line),
    printed,
    complained,
  }
}
