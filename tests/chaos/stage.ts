/** All programs of a run and the lines between them, by the names the schedule knows them by. */
import { setTimeout as sleep } from 'node:timers/promises'
import { SpacesClient } from '@websocket-spaces/client'
import type { Space } from '@websocket-spaces/protocol'
import { startPostgres } from '../../packages/hub/test/support/postgres-server.ts'
import { startRedis } from '../../packages/hub/test/support/redis-server.ts'
import { type HubProcess, startHubProcess } from '../harness/hub-process.ts'
import { type Line, startLine } from '../harness/line.ts'
import { makeSpace, signInAdmin, signUp, unique } from '../harness/people.ts'
import { AppProcess } from './app-process.ts'
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

export interface Stage extends AsyncDisposable {
  readonly programs: ReadonlyMap<Target, Program>
  readonly lines: ReadonlyMap<Target, Line>
  readonly users: readonly User[]
  readonly spaces: readonly Space[]
  /** How often apps began each request. */
  readonly runs: ReadonlyMap<string, number>
  /** To be opened when no hub runs any more. */
  readonly storage: { readonly databaseUrl: string | undefined; readonly dataDir: string }
  /** What hubs and apps printed last. */
  log(): string
}

/** Milliseconds a user's program waits for an answer, short so that a frozen line is left. */
const PATIENCE = 4_000
const HUB_SETTINGS = { APP_GRACE_SECONDS: '2', LOG_LEVEL: 'warn' }
const MAX_QUEUE = 100_000
const LOG_LINES = 8
const LOG_CHARS = 400

export async function buildStage(plan: Plan): Promise<Stage> {
  const stack = new AsyncDisposableStack()
  try {
    return await build(plan, stack)
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

async function build(plan: Plan, stack: AsyncDisposableStack): Promise<Stage> {
  const programs = new Map<Target, Program>()
  const lines = new Map<Target, Line>()
  async function addLine(target: Target, servers: readonly string[]): Promise<string> {
    const line = stack.use(await startLine(servers))
    lines.set(lineOf(target), line)
    return line.url
  }

  const { databaseUrl, settings } = plan.database === 'postgres' ? await startServers(stack, programs, addLine) : NO_SERVERS
  const hubs = await Promise.all(
    names('hub', plan.nodes).map(async () => stack.use(await startHubProcess({ ...HUB_SETTINGS, ...settings }))),
  )
  for (const [index, hub] of hubs.entries()) programs.set(`hub ${index}`, hubProgram(hub))
  const urls = hubs.map(({ url }) => url)

  const [first = ''] = urls
  const admin = await signInAdmin(first)
  const runs = new Map<string, number>()
  const cast = castOf(plan)
  const apps: AppProcess[] = []
  const kinds = ['busy', 'ordered', 'old'] as const
  const spaces = await Promise.all(kinds.map((kind) => makeSpace(admin, { name: unique(kind), max_queue: MAX_QUEUE })))
  for (const [index, name] of cast.app.entries()) {
    const host = await addLine(name, turned(urls, index))
    const kind = Math.max(0, index - plan.apps + 1)
    const owned = spaces[kind]
    if (owned === undefined) throw new Error('an app without a space')
    const terms = kinds[kind] === 'old' ? ['--old'] : ['--concurrency', kinds[kind] === 'busy' ? '3' : '1']
    const app = stack.use(new AppProcess({ host, owned, instance: name, terms, onRun: (id) => runs.set(id, (runs.get(id) ?? 0) + 1) }))
    await app.start()
    apps.push(app)
    programs.set(name, app)
  }
  const users: User[] = []
  for (const [index, name] of names('user', plan.users).entries()) {
    const host = await addLine(name, turned(urls, index))
    const key = (await (await signUp(first)).createKey('chaos')).token
    users.push({ name, host, key, client: new SpacesClient({ host, apiKey: key, timeoutMs: PATIENCE }) })
  }
  for (const { space } of spaces) await connected(admin, `${space.owner}/${space.name}`)

  return {
    programs,
    lines,
    users,
    spaces: spaces.map(({ space }) => space),
    runs,
    storage: { databaseUrl, dataDir: hubs[0]?.dataDir ?? '' },
    log: () => [...hubs.map(({ child }) => child.lines), ...apps.map(({ lines }) => lines)].map(lastOf).join('\n--\n'),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** The lines themselves are long: an error with all its causes. */
function lastOf(lines: readonly string[]): string {
  return lines
    .slice(-LOG_LINES)
    .map((line) => line.replace(/"stack":"(?:[^"\\]|\\.)*"/g, '"stack":…').slice(0, LOG_CHARS))
    .join('\n')
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

/** Each program begins at a node of its own and goes on to the next when that is away. */
function turned(urls: readonly string[], by: number): string[] {
  const from = by % urls.length
  return [...urls.slice(from), ...urls.slice(0, from)]
}

async function connected(admin: SpacesClient, reference: string): Promise<void> {
  while (!(await admin.getSpace(reference)).status.connected) await sleep(50)
}
