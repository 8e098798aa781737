import { v7 as uuid } from 'uuid'
import { connectionId, type ErrorCode, type InferenceRequest, type RequestId, type UserId } from '@websocket-spaces/protocol'
import type { Identity } from '../../src/accounts/identity.ts'
import { MemoryBus } from '../../src/bus/memory-bus.ts'
import { Flow } from '../../src/requests/flow.ts'
import type { RequestStore, StoredRequest } from '../../src/requests/ports.ts'
import { type Connection, Connections, type Departure } from '../../src/spaces/connections.ts'
import { LocalPresence } from '../../src/spaces/local-presence.ts'
import type { StoredSpace } from '../../src/spaces/ports.ts'
import { eventually } from './eventually.ts'
import { addSpace } from './material.ts'
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts'

/** Milliseconds in which an app may come back. */
export const GRACE = 30_000

/** An app that says nothing by itself; it keeps what it is sent. */
export interface TestApp {
  readonly connection: Connection
  readonly sent: InferenceRequest[]
  readonly canceled: { readonly id: RequestId; readonly reason: string }[]
  readonly closed: ErrorCode[]
  onCancel: (id: RequestId) => void
  isBehind: boolean
  readonly ids: RequestId[]
  /** By default it takes leave. */
  leave(departure?: Departure): void
}

type JoinTerms = Partial<Pick<Connection, 'concurrency' | 'prefetch' | 'instance' | 'app' | 'renews'>>

export interface FlowStage extends AsyncDisposable {
  readonly under: SqliteStore
  readonly store: RequestStore
  readonly bus: MemoryBus
  readonly connections: Connections
  readonly flow: Flow
  readonly alice: Identity
  readonly space: StoredSpace
  readonly errors: unknown[]
  /** Milliseconds added to the clock. */
  ahead: number
  join(terms?: JoinTerms, space?: StoredSpace): TestApp
  /** One that is not registered yet. */
  prepare(terms?: JoinTerms, space?: StoredSpace): TestApp
  submit(prompt?: string, space?: StoredSpace): Promise<RequestId>
  /** Waits until the stored request is as wanted. */
  until(id: RequestId, isRight: (request: StoredRequest) => boolean): Promise<StoredRequest>
  finished(id: RequestId): Promise<StoredRequest>
}

/** The flow of requests on a real store, without HTTP or sockets. */
export async function setStage(settings: Parameters<typeof addSpace>[2] = {}): Promise<FlowStage> {
  const under = await openSqliteStore()
  const userId = await under.addUser('Alice')
  const space = await addSpace(under, userId, settings)
  const bus = new MemoryBus()
  const connections = new Connections()
  const errors: unknown[] = []
  const stage = { ahead: 0 }
  const now = (): number => Date.now() + stage.ahead
  const flow = new Flow({
    store: under.requests,
    spaces: under.spaces,
    bus,
    connections,
    presence: new LocalPresence(connections),
    graceFor: GRACE,
    now,
    onError: (message, error) => errors.push(message, error),
  })
  await flow.start()
  const alice = identityOf(userId)

  async function until(id: RequestId, isRight: (request: StoredRequest) => boolean): Promise<StoredRequest> {
    const found = await eventually(
      () => under.requests.find(id),
      (request) => request !== null && isRight(request),
    )
    if (found === null) throw new Error('unreachable')
    return found
  }

  return Object.assign(stage, {
    under,
    store: under.requests,
    bus,
    connections,
    flow,
    alice,
    space,
    errors,
    prepare: (terms: JoinTerms = {}, of = space) => prepareApp(connections, of, terms),
    join(terms: JoinTerms = {}, of = space) {
      const app = prepareApp(connections, of, terms)
      connections.add(app.connection)
      return app
    },
    submit: async (prompt = 'a prompt', to = space) => (await flow.requests.submit(to, alice, { input: { prompt } })).id,
    until,
    finished: (id: RequestId) => until(id, ({ phase }) => phase.at === 'finished'),
    async [Symbol.asyncDispose]() {
      await flow.stop()
      await under[Symbol.asyncDispose]()
    },
  })
}

/** By default it declares no capacity. */
export function prepareApp(connections: Connections, space: StoredSpace, terms: JoinTerms): TestApp {
  const sent: InferenceRequest[] = []
  const canceled: TestApp['canceled'] = []
  const closed: ErrorCode[] = []
  const connection: Connection = {
    id: connectionId.parse(uuid()),
    spaceId: space.id,
    space: `${space.owner}/${space.name}`,
    tokenId: null,
    instance: null,
    app: uuid(),
    renews: false,
    sdk: null,
    address: '127.0.0.1',
    concurrency: 1,
    prefetch: 1_000,
    connectedAt: Date.now(),
    held: new Map(),
    running: 0,
    offered: 0,
    state: 'connected',
    draining: false,
    failures: 0,
    restingUntil: 0,
    link: {
      deliver: (request) => void sent.push(request),
      cancel: (id, reason) => {
        canceled.push({ id, reason })
        app.onCancel(id)
      },
      close: (code) => void closed.push(code),
      isBehind: () => app.isBehind,
      transport: () => 'websocket',
    },
    ...terms,
  }
  const app: TestApp = {
    connection,
    sent,
    canceled,
    closed,
    onCancel: () => undefined,
    isBehind: false,
    get ids() {
      return sent.map((request) => request.request_id)
    },
    leave: (departure = 'left') => connections.remove(connection, departure),
  }
  return app
}

function identityOf(userId: UserId): Identity {
  return { userId, username: 'Alice', role: 'user', via: 'session' }
}
