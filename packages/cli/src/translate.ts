import type { Language } from '@websocket-spaces/protocol'
import { createInstance } from 'i18next'
import { en, type MessageKey } from './messages/en.ts'
import { zh } from './messages/zh.ts'

/** The text of a message in the user's language; `{{name}}` in it is filled from `values`. */
export type Translate = (key: MessageKey, values?: Readonly<Record<string, string | number>>) => string

export function createTranslate(language: Language): Translate {
  const i18n = createInstance({
    lng: language,
    resources: { en: { translation: en }, zh: { translation: zh } },
    keySeparator: false,
    nsSeparator: false,
    interpolation: { escapeValue: false },
    initAsync: false,
  })
  void i18n.init()
  return (key, values = {}) => i18n.t(key, values)
}
