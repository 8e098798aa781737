import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { v7 as uuid } from 'uuid'
import type { ErrorCode } from '@websocket-spaces/protocol'
import { type Accounts, createAccounts } from './accounts/accounts.ts'
import { loadOrCreateSecret, loadOrCreateSharedSecret } from './accounts/auth-secret.ts'
import { MemoryBus } from './bus/memory-bus.ts'
import { RedisBus } from './bus/redis-bus.ts'
import type { HubConfig } from './config.ts'
import { trackConnections } from './http/lingering.ts'
import { createHttpServer } from './http/server.ts'
import { createLog } from './log.ts'
import { Flow } from './requests/flow.ts'
import type { Bus } from './requests/ports.ts'
import { pruneSpace, Retention } from './requests/retention.ts'
import type { Services } from './services.ts'
import { attachAppGateway } from './sockets/app-gateway.ts'
import { attachLiveGateway } from './sockets/live-gateway.ts'
import { Catalog } from './spaces/catalog.ts'
import { type ConnectionChoice, Connections, isChosen } from './spaces/connections.ts'
import { LocalPresence } from './spaces/local-presence.ts'
import { SharedPresence } from './spaces/shared-presence.ts'
import { StartupError } from './startup-error.ts'
import type { OpenDatabase } from './store/database.ts'
import { createInviteStore } from './store/invites.ts'
import { createNodeStore } from './store/nodes.ts'
import { openDatabase } from './store/open.ts'
import { createRequestStore } from './store/requests/index.ts'
import { createSecretStore } from './store/secrets.ts'
import { createSettingsStore } from './store/settings.ts'
import { createSpaceStore } from './store/spaces.ts'
import { createUserDirectory } from './store/users.ts'

export interface Hub extends AsyncDisposable {
  readonly config: HubConfig
  /** Password of the `admin` just made, to be shown once; null when the hub has its users already. */
  readonly firstAdminPassword: string | null
  /** For whoever forgot it: a new password, generated and returned. Throws `not_found`. */
  resetPassword(username: string): Promise<string>
  /** Throws `StartupError` when the port is taken. */
  listen(): Promise<{ readonly url: string; readonly port: number }>
  /** Stops taking work, lets apps finish for a moment, tells them, and closes. May be called again. */
  close(reason?: string): Promise<void>
}

export interface HubOverrides {
  readonly log?: Logger
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** Puts a hub together; the only place where parts meet. Throws `StartupError`. */
export async function createHub(config: HubConfig, overrides: HubOverrides = {}): Promise<Hub> {
  const log = overrides.log ?? createLog(config)
  await using resources = new AsyncDisposableStack()
  const opened = resources.use(await openDatabase(config))
  return await assemble({ config, opened, resources, log, now: overrides.now ?? Date.now })
}

interface HubParts {
  readonly config: HubConfig
  readonly opened: OpenDatabase
  /** What is open so far; the finished hub takes it over and closes it, last opened first. */
  readonly resources: AsyncDisposableStack
  readonly log: Logger
  readonly now: () => number
}

async function assemble({ config, opened, resources, log, now }: HubParts): Promise<Hub> {
  const { db } = opened
  const onError = (message: string, error: unknown): void => log.error({ err: error }, message)
  const secret = await opened.alone(() => loadSecret(config, opened))
  const bus = await openBus(config, secret, onError, resources)
  const closeConnections = (choice: ConnectionChoice, code: ErrorCode): void => bus.publish({ topic: 'closing', choice, code })
  const accounts = await opened.alone(() => openAccounts({ config, opened, secret, bus, closeConnections, onError, now }))
  const connections = new Connections()
  listenForOthers(bus, connections, accounts)
  const node = uuid()
  const nodes = createNodeStore(db, node)
  const onClockOff = (ahead: number): void => warnOfClock(log, ahead)
  const presence =
    opened.type === 'sqlite' ? new LocalPresence(connections) : new SharedPresence({ nodes, connections, now, onClockOff, onError })
  const spaces = createSpaceStore(db)
  const store = createRequestStore(db, node)
  const flow = new Flow({ store, spaces, bus, connections, presence, graceFor: config.appGraceSeconds * 1000, now, onError })
  const catalog = new Catalog({
    store: spaces,
    presence,
    closeConnections,
    counts: (id) => store.counts(id),
    async beforeDelete(id) {
      await flow.requests.cancelAll(id)
      // Before its tokens are revoked, so that apps hear the real reason.
      closeConnections({ spaceId: id, tokenless: false }, 'space_not_found')
      await accounts.connectTokens.revokeOfSpace(id)
      await pruneSpace(store, id)
    },
    onChanged: (change) => bus.publish({ topic: 'spaces', ...change }),
    now,
  })
  const services: Services = {
    config,
    log,
    bus,
    accounts,
    catalog,
    catalogStore: spaces,
    connections,
    requests: flow.requests,
    reports: flow.reports,
    resume: flow.resume,
    drainApp: (connection) => flow.drainApp(connection),
    presence,
    closeConnections,
    isStopping: () => flow.isStopping,
    isReady: async () => !flow.isStopping && (await answers(spaces.count())),
  }
  const onPruned = (count: number): void => log.info({ count }, 'old requests deleted')
  const retention = new Retention({ store, days: config.retentionDays, now, onPruned, onError })
  return serve(services, { flow, retention }, resources)
}

function warnOfClock(log: Logger, ahead: number): void {
  const seconds = (Math.abs(ahead) / 1000).toFixed(1)
  log.warn(
    { aheadMs: ahead },
    `the clock of this node is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} the database's: where there are other nodes, deadlines and leases end that much too early or too late; let NTP (chrony or systemd-timesyncd) set the clocks of all machines`,
  )
}

interface Moving {
  readonly flow: Flow
  readonly retention: Retention
}

/** What is done to apps and users on one node concerns all. */
function listenForOthers(bus: Bus, connections: Connections, accounts: Accounts): void {
  bus.subscribe('closing', ({ choice, code }) => connections.close((connection) => isChosen(connection, choice), code, false))
  bus.subscribe('identities', ({ userId }) => accounts.forget(userId))
}

/** Nodes that share a database must know each other's cookies. */
async function loadSecret(config: HubConfig, { db, type }: OpenDatabase): Promise<string> {
  return type === 'sqlite' ? loadOrCreateSecret(config.dataDir) : loadOrCreateSharedSecret(createSettingsStore(db))
}

async function openBus(
  { redisUrl }: HubConfig,
  secret: string,
  onError: (message: string, error: unknown) => void,
  resources: AsyncDisposableStack,
): Promise<Bus> {
  if (redisUrl === undefined) return new MemoryBus()
  // Told apart from other hubs on this Redis by what only nodes of this one know.
  const channel = `spaces:${createHash('sha256').update(`bus ${secret}`).digest('base64url')}`
  return resources.use(await RedisBus.open({ url: redisUrl, channel, onError }))
}

interface AccountParts {
  readonly config: HubConfig
  readonly opened: OpenDatabase
  readonly secret: string
  readonly bus: Bus
  readonly closeConnections: (choice: ConnectionChoice, code: ErrorCode) => void
  readonly onError: (message: string, error: unknown) => void
  readonly now: () => number
}

async function openAccounts({ config, opened, secret, bus, closeConnections, onError, now }: AccountParts): Promise<Accounts> {
  const { db, type } = opened
  return createAccounts({
    database: { db, type },
    secrets: createSecretStore(db),
    invites: createInviteStore(db),
    settings: createSettingsStore(db),
    users: createUserDirectory(db),
    dataDir: config.dataDir,
    secret,
    sharedStore: type === 'postgres',
    publicUrl: config.publicUrl,
    adminPassword: config.adminPassword,
    onRevoked: (tokenIds) => closeConnections({ tokenIds }, 'token_revoked'),
    onUserRevoked(userId) {
      // In this order: a socket that comes back must not find its old identity remembered.
      bus.publish({ topic: 'identities', userId })
      bus.publish({ topic: `user:${userId}`, change: 'revoked' })
    },
    onError,
    now,
  })
}

/** Milliseconds that answers under way and closing handshakes may take when the hub stops. */
const LAST_WORDS = 1_000

async function serve(services: Services, { flow, retention }: Moving, resources: AsyncDisposableStack): Promise<Hub> {
  const { config, accounts, connections, log } = services
  const http = await createHttpServer(services)
  const live = attachLiveGateway(http.server, services)
  const apps = attachAppGateway(http.server, services)
  const tcp = trackConnections(http.server)
  const open = resources.move()
  let closing: Promise<void> | undefined

  async function shutDown(reason: string): Promise<void> {
    // A hub that never listened says why itself.
    const level = http.server.listening ? 'info' : 'debug'
    log[level]({ reason }, 'stopping')
    await flow.drain()
    connections.close(() => true, 'shutting_down', true)
    // Together: each waits for all connections of the one server they share.
    const parted = Promise.all([apps.close(), live.close()])
    const lastWords = setTimeout(() => tcp.destroyAll(), LAST_WORDS)
    await parted
    clearTimeout(lastWords)
    await http.close()
    await retention.stop()
    await flow.stop()
    await accounts.close()
    await open.disposeAsync()
    log[level]('stopped')
  }

  const close = (reason = 'closed'): Promise<void> => (closing ??= shutDown(reason))
  return {
    config,
    firstAdminPassword: accounts.firstAdmin?.password ?? null,
    resetPassword: (username) => accounts.users.resetPassword(username),
    async listen() {
      const recovered = await flow.start()
      retention.start()
      if (recovered > 0) log.info({ recovered }, 'requests of the previous run wait, or wait for their apps to come back')
      const port = await listenOn(http, config)
      return { url: `http://${config.listen.host}:${port}`, port }
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

async function listenOn(http: FastifyInstance, { listen: { host, port } }: HubConfig): Promise<number> {
  try {
    await http.listen({ host, port })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    if (code === 'EADDRINUSE') throw new StartupError('port_in_use', { port }, { cause: error })
    throw new StartupError('address_unavailable', { host, port, problem: code }, { cause: error })
  }
  const address: AddressInfo | string | null = http.server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

async function answers(probe: Promise<unknown>): Promise<boolean> {
  return probe.then(
    () => true,
    () => false,
  )
}
