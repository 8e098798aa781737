/** `npm run bench [-- --only latency|throughput|followers|idle|backlog] [--quick] [--profile]` */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
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
  options: { only: { type: 'string' }, quick: { type: 'boolean', default: false }, profile: { type: 'boolean', default: false } },
})
const { only, quick } = values
if (only !== undefined && !Object.hasOwn(PARTS, only)) {
  console.error(`No part named ${only}. There are: ${Object.keys(PARTS).join(', ')}`)
  process.exit(1)
}
const profile = values.profile ? join(import.meta.dirname, 'profiles') : undefined
if (profile !== undefined) mkdirSync(profile, { recursive: true })

const command = ['npm run bench', ...(only === undefined ? [] : [`-- --only ${only}`])].join(' ')
const machine = describeMachine()
console.log(`${machine.description}\n${machine.versions}\n`)
for (const [name, { title, run }] of Object.entries(PARTS)) {
  if (only !== undefined && name !== only) continue
  const before = load()
  console.log(
    `## ${title}${before > 1.5 ? ` (load average ${before.toFixed(1)}: others are busy here, these figures are not worth keeping)` : ''}`,
  )
  const body = await run({ quick, profile, log: (line) => console.error(`  ${line}`) })
  console.log(`\n${body}\n`)
  if (!quick && profile === undefined) writeSection({ name, title, body }, { machine, command, load: before, at: new Date() })
}
