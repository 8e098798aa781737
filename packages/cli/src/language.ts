import type { Language } from '@websocket-spaces/protocol'

/** The language of this terminal: the first of LC_ALL, LC_MESSAGES and LANG that is set decides, as everywhere on Unix. */
export function languageOf(env: NodeJS.ProcessEnv): Language {
  const locale = [env['LC_ALL'], env['LC_MESSAGES'], env['LANG']].find((value) => value !== undefined && value !== '')
  return locale !== undefined && /^zh/i.test(locale) ? 'zh' : 'en'
}
