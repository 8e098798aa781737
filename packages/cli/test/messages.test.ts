import { describe, expect, test } from 'vitest'
import { nodeTooOld } from '../src/node-version.ts'
import { languageOf } from '../src/language.ts'
import { en, type MessageKey } from '../src/messages/en.ts'
import { zh } from '../src/messages/zh.ts'
import { createTranslate } from '../src/translate.ts'
import { wantsColors } from '../src/cli.ts'

const keys = Object.keys(en) as MessageKey[]

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? '').toSorted()
}

describe('messages', () => {
  test('Chinese has every key English has, and no other', () => {
    expect(Object.keys(zh).toSorted()).toEqual(keys.toSorted())
  })

  test.each(keys)('%s says the same things in both languages', (key) => {
    expect(zh[key]).not.toBe('')
    expect(new Set(placeholders(zh[key]))).toEqual(new Set(placeholders(en[key])))
  })

  test('values are filled in as they are', () => {
    expect(createTranslate('zh')('login.done', { user: '<小明>', host: 'http://h' })).toBe('已以 <小明> 登录 http://h')
    expect(createTranslate('en')('login.done', { user: 'a&b', host: 'http://h' })).toBe('Signed in to http://h as a&b')
  })
})

describe('language', () => {
  test.each([
    [{ LANG: 'zh_CN.UTF-8' }, 'zh'],
    [{ LANG: 'en_US.UTF-8' }, 'en'],
    [{ LANG: 'zh_CN.UTF-8', LC_ALL: 'C' }, 'en'],
    [{ LANG: 'C', LC_MESSAGES: 'zh_TW.UTF-8' }, 'zh'],
    [{ LANG: 'zh_CN', LC_ALL: '' }, 'zh'],
    [{ LANG: 'de_DE.UTF-8' }, 'en'],
    [{}, 'en'],
  ])('%j', (env, language) => {
    expect(languageOf(env)).toBe(language)
  })
})

describe('colours', () => {
  test.each([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ TERM: 'dumb' }, true, false],
    [{ FORCE_COLOR: '1' }, false, true],
  ])('%j on a terminal: %s → %s', (env, isTerminal, expected) => {
    expect(wantsColors(env, isTerminal)).toBe(expected)
  })
})

describe('Node version', () => {
  test.each(['24.15.0', '24.21.0', '25.0.0'])('%s will do', (version) => {
    expect(nodeTooOld(version)).toBeUndefined()
  })

  test.each(['20.20.2', '22.18.0', '24.14.9'])('%s is too old, and what to do is told in both languages', (version) => {
    expect(nodeTooOld(version)).toMatch(/too old[\s\S]*npm run[\s\S]*版本过低/)
  })
})
