/** `npm run bench`; with `-- --help` it says what can be asked for. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type DatabaseName, startDatabase } from './databases.ts'
import { describeMachine, load } from './machine.ts'
import { type Asked, helpText, readOptions, UsageProblem } from './options.ts'
import type { Part } from './part.ts'
import { backlogPart } from './parts/backlog.ts'
import { followersPart } from './parts/followers.ts'
import { idlePart } from './parts/idle.ts'
import { requestsPart } from './parts/requests.ts'
import { writeSection } from './report.ts'

const PARTS: Readonly<Record<string, { readonly title: string; readonly run: Part }>> = {
  latency: { title: 'One client', run: requestsPart([1]) },
  throughput: { title: 'Many clients', run: requestsPart([32, 128]) },
  followers: { title: 'Many followers of one stream', run: followersPart },
  idle: { title: 'Idle apps', run: idlePart },
  backlog: { title: 'A long queue', run: backlogPart },
}

const asked = readAsked()
if (asked === 'help') {
  console.log(helpText(Object.keys(PARTS)))
  process.exit(0)
}
const { only, databases, apps, quick } = asked
const profile = asked.profile ? join(import.meta.dirname, 'profiles') : undefined
if (profile !== undefined) mkdirSync(profile, { recursive: true })

const machine = describeMachine()
console.log(`${machine.description}\n${machine.versions}\n`)
for (const name of databases) await measureOn(name)

async function measureOn(databaseName: DatabaseName): Promise<void> {
  await using database = await startDatabase(databaseName)
  const isPostgres = databaseName === 'postgres'
  for (const [part, { title: partTitle, run }] of Object.entries(PARTS)) {
    if (only !== undefined && !only.includes(part)) continue
    const before = load()
    const name = isPostgres ? `${part}-postgres` : part
    const title = isPostgres ? `${partTitle}, PostgreSQL` : partTitle
    const busy = before > 1.5 ? ` (load average ${before.toFixed(1)}: others are busy here, these figures are not worth keeping)` : ''
    console.log(`## ${title}${busy}`)
    const body = await run({ database, quick, apps, profile, log: (line) => console.error(`  ${line}`) })
    console.log(`\n${body}\n`)
    const about = { machine, database: database.version, command: commandFor(databaseName), load: before, at: new Date() }
    if (!quick && profile === undefined && apps === undefined) writeSection({ name, title, body }, about)
  }
}

/** What takes these figures again. */
function commandFor(database: DatabaseName): string {
  const options = [...(only === undefined ? [] : ['--only', only.join(',')]), ...(database === 'sqlite' ? [] : ['--database', database])]
  return ['npm run bench', ...(options.length === 0 ? [] : ['--', ...options])].join(' ')
}

function readAsked(): Asked | 'help' {
  try {
    return readOptions(process.argv.slice(2), Object.keys(PARTS))
  } catch (error) {
    if (!(error instanceof UsageProblem)) throw error
    console.error(`${error.message}\n\n${helpText(Object.keys(PARTS))}`)
    process.exit(1)
  }
}
