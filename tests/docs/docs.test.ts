/** What the documents say about the project is true, and both languages say the same. */
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { loadConfig } from '@websocket-spaces/hub'
import { DEFAULTS, LIMITS } from '@websocket-spaces/protocol'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { allDocuments, anchorsOf, type CodeBlock, type Document, linksOf, namedRows, readDocument, ROOT } from './markdown.ts'

const documents = await allDocuments()
const pairs = documents.flatMap((chinese) => {
  const english = documents.find(({ path }) => path === chinese.path.replace(/\.zh-CN\.md$/, '.md'))
  return chinese.path.endsWith('.zh-CN.md') ? [{ english, chinese }] : []
})

describe.each(documents)('$path', (document) => {
  test('every link and image leads to something that is there', async () => {
    const dead: string[] = []
    for (const link of linksOf(document)) if (!(await leadsSomewhere(document, link))) dead.push(link)
    expect(dead).toEqual([])
  })

  test('every npm script it names exists', async () => {
    const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(await packageJson())
    const named = Array.from(
      document.text.matchAll(/\bnpm (?:run (?:--silent )?([\w:-]+)|(start|test)\b)/g),
      ([, run, short]) => run ?? short ?? '',
    )
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
  })
})

test('README and quick test exist in both languages', () => {
  expect(pairs.map(({ english }) => english?.path)).toEqual(expect.arrayContaining(['README.md', 'docs/quick-test.md']))
})

describe.each(pairs.map((pair) => ({ ...pair, path: pair.chinese.path })))('$path', ({ english, chinese }) => {
  test('has the headings of the English one', () => {
    expect(levels(chinese)).toEqual(english === undefined ? undefined : levels(english))
  })

  test('has the code of the English one; only comments and what terminals print are translated', () => {
    expect(chinese.blocks.map(comparable)).toEqual(english?.blocks.map(comparable))
  })

  test('has tables with as many rows and columns', () => {
    expect(tableShape(chinese)).toEqual(english === undefined ? undefined : tableShape(english))
  })
})

describe.each(['README.md', 'README.zh-CN.md'])('settings in %s', (path) => {
  test('are those that the hub knows, no more and no fewer', async () => {
    const source = await readFile(join(ROOT, 'packages/hub/src/config.ts'), 'utf8')
    const known = Array.from(source.matchAll(/^ {2}([A-Z][A-Z0-9_]*): z\b/gm), ([, name = '']) => name)
    const told = [...namedRows(await readDocument(path)).keys()].filter((name) => /^[A-Z][A-Z0-9_]*$/.test(name))
    expect(known.length).toBeGreaterThan(0)
    expect(told.toSorted()).toEqual(known.toSorted())
  })

  test('have the defaults that the hub takes', async () => {
    const rows = namedRows(await readDocument(path))
    const { listen, logLevel, trustProxy, dataDir, webDir, retentionDays, synchronous } = loadConfig({})
    expect(rows.get('HOST')).toBe(listen.host)
    expect(rows.get('PORT')).toBe(String(listen.port))
    expect(rows.get('LOG_LEVEL')).toBe(logLevel)
    expect(rows.get('TRUST_PROXY')).toBe(String(trustProxy))
    expect(rows.get('RETENTION_DAYS')).toBe(String(retentionDays))
    expect(rows.get('SQLITE_SYNCHRONOUS')).toBe(synchronous)
    expect(join(process.cwd(), rows.get('DATA_DIR') ?? '')).toBe(dataDir)
    expect(join(ROOT, rows.get('WEB_DIR') ?? '')).toBe(webDir)
  })

  test('and limits are the numbers both ends agree on', async () => {
    const { prose } = await readDocument(path)
    for (const limit of [LIMITS.promptChars, LIMITS.outputChars]) expect(prose).toContain(limit.toLocaleString('en-US'))
    expect(prose).toContain(`${LIMITS.resultBytes / 1024 ** 2} MiB`)
    for (const value of [DEFAULTS.deadlineSeconds, DEFAULTS.maxQueue, DEFAULTS.minIntervalSeconds, DEFAULTS.maxAttempts])
      expect(prose).toContain(`| ${value} |`)
  })
})

async function leadsSomewhere(from: Document, link: string): Promise<boolean> {
  if (/^(https?|mailto):/.test(link)) return true
  const [file = '', fragment = ''] = decodeURI(link).split('#')
  const path = file === '' ? from.path : normalize(join(dirname(from.path), file))
  const exists = await stat(join(ROOT, path)).then(
    () => true,
    () => false,
  )
  if (!exists || fragment === '') return exists
  return anchorsOf(await readDocument(path)).has(fragment)
}

async function packageJson(): Promise<unknown> {
  return JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
}

function levels({ headings }: Document): number[] {
  return headings.map(({ level }) => level)
}

/** What a terminal prints is in its language: there only the number of lines is compared. */
function comparable({ language, lines }: CodeBlock): { language: string; code: readonly string[] | number } {
  return { language, code: language === 'text' ? lines.length : lines.map(withoutComment) }
}

function withoutComment(line: string): string {
  return line.replace(/(^|\s)(#|\/\/)\s.*$/, '$1').trimEnd()
}

/** Columns of every row of every table, in order. */
function tableShape({ prose }: Document): number[] {
  return Array.from(prose.matchAll(/^\|.*\|$/gm), ([row]) => row.split('|').length)
}
