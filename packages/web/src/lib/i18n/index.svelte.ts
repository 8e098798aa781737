/** The page's language: chosen by the browser on the first visit, remembered afterwards. */
import { createInstance } from 'i18next'
import type { Language } from '@websocket-spaces/protocol'
import { en } from './en.ts'
import { zh } from './zh.ts'
import type { MessageKey } from './keys.ts'

export type { MessageKey } from './keys.ts'

const STORAGE_KEY = 'lang'
const YEAR_SECONDS = 31_536_000
const TAGS: Record<Language, string> = { en: 'en', zh: 'zh-CN' }

const i18n = createInstance()
void i18n.init({
  lng: 'en',
  fallbackLng: 'en',
  initAsync: false,
  resources: { en: { translation: en }, zh: { translation: zh } },
  interpolation: { escapeValue: false },
})

let current = $state<Language>(firstLanguage())
apply(current)

/** The language in force; reading it in a component makes that follow the switch. */
export function language(): Language {
  return current
}

/** BCP 47 tag of the language in force, for `Intl` and `lang` attributes. */
export function languageTag(): string {
  return TAGS[current]
}

export function setLanguage(next: Language): void {
  current = next
  apply(next)
  try {
    localStorage.setItem(STORAGE_KEY, next)
  } catch {
    // Storage can be forbidden; the choice then lasts until the tab closes.
  }
  document.cookie = `lang=${next}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`
}

/** The text of `key`, with `{{name}}` filled from `values`; `count` picks the plural form. */
export function t(key: MessageKey, values: Readonly<Record<string, string | number>> = {}): string {
  return i18n.t(key, { ...values, lng: current })
}

function apply(next: Language): void {
  document.documentElement.lang = TAGS[next]
}

function firstLanguage(): Language {
  const wanted = [remembered(), ...navigator.languages]
  const known = wanted.map((tag) => tag?.slice(0, 2).toLowerCase()).find((tag) => tag === 'zh' || tag === 'en')
  return known === 'zh' ? 'zh' : 'en'
}

function remembered(): string | null {
  try {
    return localStorage.getItem(STORAGE_KEY)
  } catch {
    return null
  }
}
