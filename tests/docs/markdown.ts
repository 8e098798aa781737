/** Just enough Markdown to check documents against each other and against the project. */
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '..', '..')

const NOT_OURS = /(^|\/)(node_modules|build|\.svelte-kit|test-results|playwright-report|data)(\/|$)/

export interface CodeBlock {
  /** What stands behind the opening fence; empty when nothing does. */
  readonly language: string
  readonly lines: readonly string[]
}

export interface Document {
  /** From the project's root. */
  readonly path: string
  readonly text: string
  /** The text without its code blocks. */
  readonly prose: string
  readonly headings: readonly { readonly level: number; readonly text: string }[]
  readonly blocks: readonly CodeBlock[]
}

export async function allDocuments(): Promise<Document[]> {
  const paths: string[] = []
  for await (const path of glob('**/*.md', { cwd: ROOT, exclude: (path) => NOT_OURS.test(path) })) paths.push(path)
  return Promise.all(paths.toSorted().map(readDocument))
}

export async function readDocument(path: string): Promise<Document> {
  const text = await readFile(join(ROOT, path), 'utf8')
  const fenced = /^```(\w*)\n(.*?)^```$/gms
  const blocks = Array.from(text.matchAll(fenced), ([, language = '', code = '']) => ({ language, lines: code.trimEnd().split('\n') }))
  const prose = text.replace(fenced, '')
  const headings = Array.from(prose.matchAll(/^(#+) (.+)$/gm), ([, marks = '', title = '']) => ({ level: marks.length, text: title }))
  return { path, text, prose, headings, blocks }
}

/** Targets of links and images, as they are written. */
export function linksOf({ prose }: Document): string[] {
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target)
}

/** The fragments under which headings can be linked to, made as GitHub makes them. */
export function anchorsOf({ headings }: Document): Set<string> {
  return new Set(
    headings.map(({ text }) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/** First cells, without backquotes, of the table rows that have something in backquotes there, with the second cells. */
export function namedRows({ prose }: Document): Map<string, string> {
  const rows = prose.matchAll(/^\| `([^`|]+)` \| ([^|]*) \|/gm)
  return new Map(Array.from(rows, ([, name = '', second = '']) => [name, second.replaceAll('`', '').trim()]))
}
