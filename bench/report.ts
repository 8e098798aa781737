/** RESULTS.md: one section for each part, each with its own date, so that a part may be taken again alone. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Machine } from './machine.ts'

export interface Section {
  readonly name: string
  readonly title: string
  readonly body: string
}

const FILE = join(import.meta.dirname, 'RESULTS.md')
const HEAD = `# What it costs to lose nothing

Written by \`npm run bench\` (Node's own \`fork\` starts every server, app and load generator as a process of its own). Compare within
a table only: ratios carry over to other machines, figures do not. What was tried to make them better is in [NOTES.md](NOTES.md).
`

/** Puts a section in the place of the one with its name, or at the end. */
export function writeSection(
  { name, title, body }: Section,
  about: { machine: Machine; database: string; command: string; load: number; at: Date },
): void {
  const { machine, database, command, load, at } = about
  const taken = [
    `Taken ${at.toISOString().slice(0, 16).replace('T', ' ')} UTC at commit ${machine.commit} with \`${command}\`, load average before: ${load.toFixed(1)}.`,
    `${machine.description}. ${machine.versions}, ${database}.`,
  ].join('  \n')
  const section = `<!-- ${name} -->\n## ${title}\n\n${taken}\n\n${body}\n<!-- /${name} -->\n`
  const text = existsSync(FILE) ? readFileSync(FILE, 'utf8') : HEAD
  const known = new RegExp(`<!-- ${name} -->[\\s\\S]*<!-- /${name} -->\\n`)
  writeFileSync(FILE, known.test(text) ? text.replace(known, () => section) : `${text}\n${section}`)
}
