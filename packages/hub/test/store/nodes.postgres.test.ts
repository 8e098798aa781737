import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { v7 as uuid } from 'uuid'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectionId, type SpaceId, TIMING } from '@websocket-spaces/protocol'
import type { RequestStore } from '../../src/requests/ports.ts'
import { recover } from '../../src/requests/recover.ts'
import { type Connection, Connections } from '../../src/spaces/connections.ts'
import type { NodeStore, SharedConnection } from '../../src/spaces/ports.ts'
import { SharedPresence } from '../../src/spaces/shared-presence.ts'
import { createNodeStore } from '../../src/store/nodes.ts'
import { createRequestStore } from '../../src/store/requests/index.ts'
import { eventually } from '../support/eventually.ts'
import { prepareApp } from '../support/flow-stage.ts'
import { addRequests, addSpace, newClaim, newRequestId, newSpace, newSpaceId, NOON } from '../support/material.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'
import { openPostgresStore } from '../support/postgres-store.ts'
import type { StoreUnderTest } from '../support/sqlite-store.ts'

const LONG = 60_000

let server: PostgresServer
let under: StoreUnderTest
beforeAll(async () => {
  server = await startPostgres()
  under = await openPostgresStore(await server.createDatabase())
})
afterAll(async () => {
  await under[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

function nodes(...names: string[]): NodeStore[] {
  return names.map((name) => createNodeStore(under.db, name))
}

function newLocalConnection(spaceId: SpaceId): Connection {
  return {
    ...newConnection(spaceId),
    app: 'the app',
    renews: false,
    held: new Map(),
    running: 0,
    offered: 0,
    state: 'connected',
    draining: false,
    failures: 0,
    restingUntil: 0,
    link: {
      deliver: () => undefined,
      cancel: () => undefined,
      close: () => undefined,
      isBehind: () => false,
      transport: () => 'websocket',
    },
  }
}

function newConnection(spaceId: SpaceId, state: SharedConnection['state'] = 'connected'): SharedConnection {
  return {
    id: connectionId.parse(uuid()),
    spaceId,
    space: 'Alice/space',
    tokenId: null,
    instance: 'gpu-box',
    sdk: null,
    address: '127.0.0.1',
    transport: 'websocket',
    state,
    concurrency: 2,
    prefetch: 0,
    connectedAt: NOON,
  }
}

/** By the clock of PostgreSQL a node that promised this little is dead at once. */
async function dies(node: NodeStore | undefined): Promise<void> {
  await node?.beat(-1)
  await sleep(2)
}

test('N1 a space is served while its connections answer and their node lives', async () => {
  const [one, two] = nodes('n1-one', 'n1-two')
  const space = newSpaceId()
  expect([await one?.beat(LONG), await one?.beat(LONG), await two?.beat(LONG)]).toMatchObject([
    { known: false },
    { known: true },
    { known: false },
  ])
  const [answers, silent, elsewhere] = [newConnection(space), newConnection(space, 'silent'), newConnection(space)]
  await one?.put([answers, silent])
  await two?.put([elsewhere])
  expect(await two?.replicas(space)).toBe(2)
  await one?.put([{ ...answers, state: 'silent' }])
  expect(await two?.replicas(space)).toBe(1)
  await two?.drop([elsewhere.id])
  expect(await one?.replicas(space)).toBe(0)
  await one?.put([answers])
  await dies(one)
  expect(await two?.replicas(space)).toBe(0)
  expect((await two?.all())?.filter(({ spaceId }) => spaceId === space)).toEqual([])
  await one?.beat(LONG)
  expect(await two?.replicas(space)).toBe(1)
  await one?.leave()
  expect(await two?.replicas(space)).toBe(0)
})

test('N2 a dead node is buried once, by one of those that try, with all it had', async () => {
  const [dead, ...alive] = nodes('n2-dead', 'n2-a', 'n2-b', 'n2-c')
  for (const node of alive) await node.beat(LONG)
  const space = newSpaceId()
  await dead?.beat(LONG)
  await dead?.put([newConnection(space), newConnection(space)])
  expect((await Promise.all(alive.map((node) => node.bury()))).flat()).toEqual([])
  await dies(dead)
  expect((await Promise.all(alive.map((node) => node.bury()))).flat()).toEqual([space])
  expect(await dead?.beat(LONG)).toMatchObject({ known: false })
  for (const node of [dead, ...alive]) await node?.leave()
})

test('N3 what a node handed out is taken back once it is buried, not before, and once', async () => {
  const user = await under.addUser('Alice')
  const space = await addSpace(under, user)
  const [first = newRequestId(), second = newRequestId()] = await addRequests(under, { space, user }, 2)
  const [dead, alive] = nodes('n3-dead', 'n3-alive')
  await dead?.beat(LONG)
  await alive?.beat(LONG)
  const its = createRequestStore(under.db, 'n3-dead')
  const mine = createRequestStore(under.db, 'n3-alive')
  await its.claim(newClaim(space))
  await mine.claim(newClaim(space))
  expect((await its.held()).map(({ id }) => id)).toEqual([first])
  expect(await recover({ store: mine, graceFor: 0, now: () => NOON })).toBe(0)
  await dies(dead)
  expect(await recover({ store: mine, graceFor: 0, now: () => NOON })).toBe(0)
  await alive?.bury()
  const recovered = await Promise.all([1, 2, 3].map(() => recover({ store: mine, graceFor: 0, now: () => NOON })))
  expect(recovered.filter((count) => count > 0)).toEqual([1])
  expect(await mine.find(first)).toMatchObject({ phase: { at: 'running', lease: { away: { until: NOON, reason: 'hub_restarted' } } } })
  expect(await mine.expired(NOON, 10)).toEqual([first])
  expect(await mine.find(second)).toMatchObject({ phase: { at: 'running' } })
  await alive?.leave()
})

test('N8 what a living node handed out times out at that node first, which may have its result; what a dead one did at any', async () => {
  const user = await under.addUser('Nina')
  const space = await addSpace(under, user)
  const [id = newRequestId()] = await addRequests(under, { space, user }, 1)
  const [holder, other] = nodes('n8-holder', 'n8-other')
  await holder?.beat(LONG)
  await other?.beat(LONG)
  const [its, mine] = [createRequestStore(under.db, 'n8-holder'), createRequestStore(under.db, 'n8-other')]
  const claim = newClaim(space, { start: 1 })
  await its.claim(claim)
  const overdueAt = async (store: RequestStore, at: number): Promise<boolean> =>
    (await store.overdue(at, 1_000)).some((overdue) => overdue.id === id)
  expect(await overdueAt(its, claim.deadlineAt)).toBe(true)
  expect(await overdueAt(mine, claim.deadlineAt + TIMING.storeResultFor - 1)).toBe(false)
  expect(await overdueAt(mine, claim.deadlineAt + TIMING.storeResultFor)).toBe(true)
  await dies(holder)
  await other?.bury()
  expect(await overdueAt(mine, claim.deadlineAt)).toBe(true)
  await its.apply(id, { type: 'canceled', at: NOON })
  await other?.leave()
})

test('N4 whoever may not stay is named, with the reason', async () => {
  const user = await under.addUser('Bob')
  const [node] = nodes('n4')
  await node?.beat(LONG)
  const closed = await addSpace(under, user)
  const open = await addSpace(under, user)
  await under.spaces.update(open.id, { open_registration: true }, NOON)
  const [stays, shown, tokenless, spaceless] = [open.id, open.id, closed.id, newSpaceId()].map((space) => newConnection(space))
  const all = [stays, shown, tokenless, spaceless].flatMap((connection) => connection ?? [])
  await node?.put(all)
  expect(await node?.showOut(shown?.id ?? connectionId.parse('x'))).toBe(true)
  expect(await node?.showOut(connectionId.parse('nobody'))).toBe(false)
  const named = new Map((await node?.unwelcome())?.map(({ id, code }) => [id, code]))
  expect(all.map(({ id }) => named.get(id))).toEqual([undefined, 'forbidden', 'token_required', 'space_not_found'])
  await node?.leave()
})

test('N5 a node whose clock is not that of the database says so, once, until it is right again', async () => {
  const [node] = nodes('n5')
  if (node === undefined) throw new Error('unreachable')
  const told: number[] = []
  let [ahead, beats] = [5_000, 0]
  const presence = new SharedPresence({
    nodes: { ...node, beat: async (ttl) => node.beat(ttl).finally(() => (beats += 1)) },
    connections: new Connections(),
    now: () => Date.now() + ahead,
    onClockOff: (by) => told.push(by),
    onError: expect.unreachable,
  })
  const twoMore = async (): Promise<unknown> => {
    const before = beats
    return eventually(
      () => beats,
      (count) => count >= before + 2,
    )
  }
  await presence.start()
  await twoMore()
  expect(told).toHaveLength(1)
  expect(told[0]).toBeGreaterThan(TIMING.clockTolerance)
  ahead = 0
  await twoMore()
  expect(told).toHaveLength(1)
  ahead = -5_000
  await twoMore()
  expect(told).toHaveLength(2)
  expect(told[1]).toBeLessThan(-TIMING.clockTolerance)
  await presence.stop()
})

test('N6 while one write takes long, all that is told shares the next, which has the newest of it', async () => {
  const [node] = nodes('n6')
  if (node === undefined) throw new Error('unreachable')
  const gate = Promise.withResolvers<void>()
  const puts: number[] = []
  const connections = new Connections()
  const presence = new SharedPresence({
    nodes: {
      ...node,
      async put(some) {
        puts.push(some.length)
        await gate.promise
        await node.put(some)
      },
    },
    connections,
    now: Date.now,
    onClockOff: () => expect.unreachable(),
    onError: expect.unreachable,
  })
  await presence.start()
  const { id } = newSpace(await under.addUser('Carol'))
  const joined = Array.from({ length: 5 }, () => newLocalConnection(id))
  const told: Promise<void>[] = []
  for (const connection of joined) {
    connections.add(connection)
    told.push(presence.tell(connection))
    await setImmediate()
  }
  gate.resolve()
  await Promise.all(told)
  expect(puts).toEqual([1, 4])
  expect(await node.replicas(id)).toBe(5)
  await presence.stop()
})

test('N7 apps that arrive and leave by the hundred are told of together, and the store has those that stayed', async () => {
  const [node, other] = nodes('n7', 'n7-other')
  if (node === undefined || other === undefined) throw new Error('no nodes')
  let writes = 0
  const counted: NodeStore = {
    ...node,
    put: (connections) => {
      writes += connections.length === 0 ? 0 : 1
      return node.put(connections)
    },
  }
  const connections = new Connections()
  const onError = (message: string, cause: unknown): never => {
    throw new Error(message, { cause })
  }
  const presence = new SharedPresence({ nodes: counted, connections, now: Date.now, onClockOff: () => expect.unreachable(), onError })
  await presence.start()
  const space = await addSpace(under, await under.addUser('Dora'))
  const apps = Array.from({ length: 300 }, () => prepareApp(connections, space, {}).connection)
  await Promise.all(apps.map((app) => presence.tell(app)))
  expect(await other.replicas(space.id)).toBe(300)
  expect(writes).toBeLessThanOrEqual(2)
  for (const app of apps) connections.add(app)
  for (const app of apps.slice(0, 100)) connections.remove(app, 'left')
  for (const app of apps.slice(100, 150)) connections.setSilent(app, true)
  await Promise.all(apps.slice(0, 150).map((app) => presence.tell(app)))
  expect(await other.replicas(space.id)).toBe(150)
  expect((await other.all()).filter(({ spaceId }) => spaceId === space.id)).toHaveLength(200)
  expect(writes).toBeLessThanOrEqual(4)
  await presence.stop()
  expect(await other.replicas(space.id)).toBe(0)
})
