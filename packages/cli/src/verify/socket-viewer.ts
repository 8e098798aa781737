import type { SpacesClient } from '@websocket-spaces/client'
import {
  LIVE_CALLS,
  LIVE_EVENTS,
  LIVE_PATH,
  liveAck,
  requestEventPush,
  spaceStatus,
  type Outcome,
  type Space,
  type SpaceStatus,
} from '@websocket-spaces/protocol'
import { io, type Socket } from 'socket.io-client'
import { createCondition } from './condition.ts'
import { mustBe, notWithin } from './checklist.ts'
import { RESULT_WITHIN_MS, SHOWN_WITHIN_MS, type SpaceTab, type Viewer } from './space-tab.ts'

const ANSWER_WITHIN_MS = 10_000

/** Where no browser is: the same facts, from the page's HTML and the live socket the page itself listens to. */
export function openSockets(client: SpacesClient): Viewer {
  const sockets = new Set<Socket>()
  return {
    kind: 'socket',
    async open(reference) {
      await checkHtml(client.origin, reference)
      const socket = await connect(client)
      sockets.add(socket)
      return openTab(socket, client, await client.getSpace(reference))
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.disconnect()
    },
  }
}

async function checkHtml(origin: string, reference: string): Promise<void> {
  const response = await fetch(new URL(`/spaces/${reference.split('/').map(encodeURIComponent).join('/')}`, origin), {
    headers: { accept: 'text/html' },
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  })
  const html = await response.text()
  mustBe(
    response.status === 200 && html.includes('<script'),
    'HTML, 200',
    `${response.status} ${response.headers.get('content-type') ?? ''}`,
  )
}

async function connect(client: SpacesClient): Promise<Socket> {
  const socket = io(client.origin, {
    path: LIVE_PATH,
    transports: ['websocket'],
    forceNew: true,
    extraHeaders: { cookie: client.sessionCookie ?? '', origin: client.origin },
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('connect', resolve)
  socket.once('connect_error', reject)
  await promise
  return socket
}

async function openTab(socket: Socket, client: SpacesClient, space: Space): Promise<SpaceTab> {
  let status: SpaceStatus | undefined
  const outcomes = new Map<string, Outcome>()
  const page = createCondition()
  socket.on(LIVE_EVENTS.spaceStatus, (push: unknown) => {
    const parsed = spaceStatus.safeParse(push)
    if (parsed.success && parsed.data.space_id === space.id) status = parsed.data
    page.changed()
  })
  socket.on(LIVE_EVENTS.requestEvent, (push: unknown) => {
    const parsed = requestEventPush.safeParse(push)
    if (parsed.success && parsed.data.item.type === 'result') outcomes.set(parsed.data.request_id, parsed.data.item.outcome)
    page.changed()
  })
  async function watch(): Promise<void> {
    const { spaces } = await call(socket, LIVE_CALLS.watchSpace, { space_id: space.id })
    status = spaces?.[0]
    page.changed()
  }
  await watch()
  // The hub closes a user's sockets when one of their keys is revoked; as on the page, what was watched is watched again.
  socket.on('connect', () => void watch().catch(() => undefined))

  return {
    shows: (connected) =>
      page.met(
        () => status?.connected === connected,
        SHOWN_WITHIN_MS,
        () => `connected: ${String(status?.connected)}`,
      ),
    formIs: (enabled) =>
      page.met(
        () => status?.connected === enabled,
        SHOWN_WITHIN_MS,
        () => `connected: ${String(status?.connected)}`,
      ),
    async submit(prompt) {
      const { id } = await client.submit(`${space.owner}/${space.name}`, { prompt })
      await call(socket, LIVE_CALLS.follow, { request_id: id, after: 0 })
      return id
    },
    async result(requestId) {
      await page.met(
        () => outcomes.has(requestId),
        RESULT_WITHIN_MS,
        () => '',
      )
      return JSON.stringify(outcomes.get(requestId))
    },
  }
}

async function call(socket: Socket, event: string, payload: object) {
  const answer = liveAck.parse(await socket.timeout(ANSWER_WITHIN_MS).emitWithAck(event, payload))
  if (!answer.ok) throw notWithin(ANSWER_WITHIN_MS, answer.error.message)
  return answer
}
