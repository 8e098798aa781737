import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { en } from './en.ts'
import { zh } from './zh.ts'

const SOURCES = join(import.meta.dirname, '../..')

interface Texts {
  readonly [key: string]: string | Texts
}

function flatten(texts: Texts, prefix = ''): Map<string, string> {
  const flat = new Map<string, string>()
  for (const [key, value] of Object.entries(texts)) {
    if (typeof value === 'string') flat.set(prefix + key, value)
    else for (const [path, text] of flatten(value, `${prefix}${key}.`)) flat.set(path, text)
  }
  return flat
}

function placeholders(text: string): string[] {
  return [...new Set([...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? ''))].toSorted()
}

function singular(key: string): boolean {
  return key.endsWith('_one')
}

/** Every source text that may name a key: `t('…')`, and keys kept in tables. */
function sources(): string {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  const wanted = files.filter((file) => /\.(svelte|ts)$/.test(file) && !file.endsWith('.test.ts') && !/i18n[\\/](en|zh)/.test(file))
  return wanted.map((file) => readFileSync(join(SOURCES, file), 'utf8')).join('\n')
}

const english = flatten(en)
const chinese = flatten(zh)

describe('the texts of the page', () => {
  it('exist in both languages', () => {
    expect([...chinese.keys()].toSorted()).toEqual([...english.keys()].filter((key) => !singular(key)).toSorted())
  })

  it('are never empty', () => {
    const empty = [...english, ...chinese].filter(([, text]) => text.trim() === '').map(([key]) => key)
    expect(empty).toEqual([])
  })

  it('fill the same placeholders in both languages', () => {
    const different = [...english]
      .filter(([key]) => !singular(key))
      .filter(([key, text]) => placeholders(text).join() !== placeholders(chinese.get(key) ?? '').join())
      .map(([key]) => key)
    expect(different).toEqual([])
  })

  it('are all used', () => {
    const source = sources()
    // `t(`request.status.${status}`)` uses every key under `request.status.`.
    const patterns = [...source.matchAll(/`([a-z_]+\.[a-z_.]*\$\{[^`]*)`/g)].map(
      (match) =>
        new RegExp(
          `^${(match[1] ?? '')
            .split(/\$\{[^}]*\}/)
            .map((part) => part.replaceAll('.', String.raw`\.`))
            .join('[a-z_]+')}$`,
        ),
    )
    const unused = [...english.keys()]
      .map((key) => key.replace(/_(one|other)$/, ''))
      .filter((key) => !source.includes(`'${key}'`) && !patterns.some((pattern) => pattern.test(key)))
    expect(unused).toEqual([])
  })

  it('get every value they name where they are used', () => {
    const calls = [...sources().matchAll(/\bt\('([a-z_.]+)'(?:, \{([^}]*)\})?\)/g)]
    const lacking = calls.flatMap(([call, key = '', values = '']) => {
      const text = english.get(key) ?? english.get(`${key}_other`) ?? ''
      const given = [...values.matchAll(/(?:^|,)\s*(\w+)/g)].map((match) => match[1] ?? '')
      return placeholders(text).toSorted().join() === given.toSorted().join() ? [] : [call]
    })
    expect(lacking).toEqual([])
  })
})
