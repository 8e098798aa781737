/** All programs of a run and the lines between them, by the names the schedule knows them by. */
import { setTimeout as sleep } from 'node:timers/promises'
import { SpacesClient } from '@websocket-spaces/client'
import type { Space } from '@websocket-spaces/protocol'
import { startPostgres } from '../../packages/hub/test/support/postgres-server.ts'
import { startRedis } from '../../packages/hub/test/support/redis-server.ts'
import { type HubProcess, startHubProcess } from '../harness/hub-process.ts'
import { type Line, startLine } from '../harness/line.ts'
import { makeSpace, type OwnedSpace, signInAdmin, signUp, unique } from '../harness/people.ts'
import { AppNotes } from './app-notes.ts'
import { type AppOptions, AppProcess } from './app-process.ts'
import { LastLines, type OnPrinted } from './last-lines.ts'
import type { AppKind } from './ledger.ts'
import { castOf, lineOf, names, type Plan, type Target } from './schedule.ts'

/** A program that is killed and started again on what it left. */
export interface Program {
  start(): Promise<void>
  kill(): Promise<void>
  /** SIGSTOP, SIGCONT. Servers of the tests do without. */
  pause?(): void
  resume?(): void
}

export interface User {
  readonly name: Target
  /** Where the hub is for them: their own line. */
  readonly host: string
  readonly key: string
  readonly client: SpacesClient
}

export interface ServedSpace {
  readonly space: Space
  readonly app: AppKind
}

export interface Stage extends AsyncDisposable {
  readonly programs: ReadonlyMap<Target, Program>
  readonly lines: ReadonlyMap<Target, Line>
  readonly users: readonly User[]
  readonly spaces: readonly ServedSpace[]
  readonly notes: AppNotes
  /** To be opened when no hub runs any more. */
  readonly storage: { readonly databaseUrl: string | undefined; readonly dataDir: string }
  /** What hubs and apps printed last. */
  log(): string
}

/** Milliseconds a user's program waits for an answer, short so that a frozen line is left. */
const PATIENCE = 4_000
const HUB_SETTINGS = { APP_GRACE_SECONDS: '2', LOG_LEVEL: 'warn' }
const MAX_QUEUE = 100_000

export async function buildStage(plan: Plan, onPrinted: OnPrinted = () => undefined): Promise<Stage> {
  const stack = new AsyncDisposableStack()
  try {
    return await build(plan, stack, onPrinted)
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

async function build(plan: Plan, stack: AsyncDisposableStack, onPrinted: OnPrinted): Promise<Stage> {
  const programs = new Map<Target, Program>()
  const lines = new Map<Target, Line>()
  const last = new LastLines(onPrinted)
  async function addLine(target: Target, servers: readonly string[]): Promise<string> {
    const line = stack.use(await startLine(servers))
    lines.set(lineOf(target), line)
    return line.url
  }

  const { databaseUrl, settings } = plan.database === 'postgres' ? await startServers(stack, programs, addLine) : NO_SERVERS
  const hubs = await Promise.all(
    names('hub', plan.nodes).map(async (name) => stack.use(await startHubProcess({ ...HUB_SETTINGS, ...settings }, last.of(name)))),
  )
  for (const [index, hub] of hubs.entries()) programs.set(`hub ${index}`, hubProgram(hub))
  const [first = ''] = hubs.map(({ url }) => url)
  /** Each program begins at a node of its own and goes on to the next when that is away. */
  async function wayIn(name: Target, index: number): Promise<string> {
    const from = index % hubs.length
    return addLine(
      name,
      [...hubs.slice(from), ...hubs.slice(0, from)].map(({ url }) => url),
    )
  }

  const admin = await signInAdmin(first)
  const notes = new AppNotes()
  const spaces = await Promise.all(
    KINDS.map((kind) => makeSpace(admin, { name: unique(kind), max_queue: MAX_QUEUE, hold_seconds: HOLD[kind] })),
  )
  for (const [index, instance] of castOf(plan).app.entries()) {
    const kind = Math.max(0, index - plan.apps + 1)
    const host = await wayIn(instance, index)
    const app = stack.use(new AppProcess({ host, ...servedBy(kind, spaces), instance, notes, onLine: last.of(instance) }))
    await app.start()
    programs.set(instance, app)
  }
  const users: User[] = []
  for (const [index, name] of names('user', plan.users).entries()) users.push(await makeUser(name, first, await wayIn(name, index)))
  for (const { reference } of spaces) await connected(admin, reference)

  return {
    programs,
    lines,
    users,
    spaces: spaces.map(({ space }, kind) => ({ space, app: KINDS[kind] === 'old' ? 'old' : 'sdk' })),
    notes,
    storage: { databaseUrl, dataDir: hubs[0]?.dataDir ?? '' },
    log: () => last.text(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Spaces, by what serves them: several apps that run several at a time, one that runs one, one of the older kind. */
const KINDS = ['busy', 'ordered', 'old'] as const
/** Seconds. While its apps are away the busy space refuses submits, the others go on accepting and have long queues. */
const HOLD = { busy: 0, ordered: 3_600, old: 3_600 }

function servedBy(kind: number, spaces: readonly OwnedSpace[]): Pick<AppOptions, 'owned' | 'terms'> {
  const owned = spaces[kind]
  if (owned === undefined) throw new Error('an app without a space')
  return { owned, terms: KINDS[kind] === 'old' ? ['--old'] : ['--concurrency', KINDS[kind] === 'busy' ? '3' : '1'] }
}

async function makeUser(name: Target, hub: string, host: string): Promise<User> {
  const key = (await (await signUp(hub)).createKey('chaos')).token
  return { name, host, key, client: new SpacesClient({ host, apiKey: key, timeoutMs: PATIENCE }) }
}

interface Servers {
  /** Past the line, for the accounting. */
  readonly databaseUrl: string | undefined
  readonly settings: Readonly<Record<string, string>>
}

const NO_SERVERS: Servers = { databaseUrl: undefined, settings: {} }

async function startServers(
  stack: AsyncDisposableStack,
  programs: Map<Target, Program>,
  addLine: (target: Target, servers: readonly string[]) => Promise<string>,
): Promise<Servers> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
  stack.use(postgres)
  stack.use(redis)
  programs.set('postgres', postgres)
  programs.set('redis', redis)
  const databaseUrl = await postgres.createDatabase()
  const settings = {
    DATABASE_URL: through(await addLine('postgres', [databaseUrl]), databaseUrl),
    REDIS_URL: through(await addLine('redis', [redis.url]), redis.url),
  }
  return { databaseUrl, settings }
}

/** The same address, but by way of the line. */
function through(line: string, address: string): string {
  const url = new URL(address)
  url.port = new URL(line).port
  return url.href
}

function hubProgram(hub: HubProcess): Program {
  return {
    start: () => hub.start(),
    kill: () => hub.kill(),
    pause: () => hub.child.kill('SIGSTOP'),
    resume: () => hub.child.kill('SIGCONT'),
  }
}

async function connected(admin: SpacesClient, reference: string): Promise<void> {
  while (!(await admin.getSpace(reference)).status.connected) await sleep(50)
}
