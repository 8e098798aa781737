/** `npm run bench [-- --only latency|throughput|followers|idle|backlog] [--database sqlite|postgres|both] [--apps n] [--quick] [--profile]` */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type DatabaseName, DATABASES, startDatabase } from './databases.ts'
import { describeMachine, load } from './machine.ts'
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

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    database: { type: 'string', default: 'sqlite' },
    apps: { type: 'string' },
    quick: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
})
const { only, database: asked, quick } = values
if (only !== undefined && !Object.hasOwn(PARTS, only)) giveUp(`No part named ${only}. There are: ${Object.keys(PARTS).join(', ')}`)
const chosen = DATABASES.filter((name) => asked === name || asked === 'both')
if (chosen.length === 0) giveUp(`No database named ${asked}. There are: ${DATABASES.join(', ')}, both`)
const apps = values.apps === undefined ? undefined : Number(values.apps)
if (apps !== undefined && !(Number.isSafeInteger(apps) && apps > 0)) giveUp('--apps takes a number of apps')
const profile = values.profile ? join(import.meta.dirname, 'profiles') : undefined
if (profile !== undefined) mkdirSync(profile, { recursive: true })

const machine = describeMachine()
console.log(`${machine.description}\n${machine.versions}\n`)
for (const name of chosen) await measureOn(name)

async function measureOn(databaseName: DatabaseName): Promise<void> {
  await using database = await startDatabase(databaseName)
  const isPostgres = databaseName === 'postgres'
  for (const [part, { title: partTitle, run }] of Object.entries(PARTS)) {
    if (only !== undefined && part !== only) continue
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
  const options = [...(only === undefined ? [] : ['--only', only]), ...(database === 'sqlite' ? [] : ['--database', database])]
  return ['npm run bench', ...(options.length === 0 ? [] : ['--', ...options])].join(' ')
}

function giveUp(message: string): never {
  console.error(message)
  process.exit(1)
}
