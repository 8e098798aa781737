/**
 * The page's one live socket. It stays open while someone is signed in, comes back by itself,
 * and starts every held call again on each new connection.
 */
import { ERRORS, LIVE_PATH, liveAck } from '@websocket-spaces/protocol'
import type { LIVE_EVENTS, SpaceStatus } from '@websocket-spaces/protocol'
import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import type { z } from 'zod'

const ACK_WITHIN_MS = 6_000
/** A reconnect faster than this is not worth a banner. */
const OFFLINE_AFTER_MS = 1_200
const REFUSED_RETRY_MS = 2_000
const RECONNECT_MAX_MS = 2_500
/** Before a call is made again that the hub refused for a passing reason; each next pause is twice as long, up to the last. */
const HOLD_AGAIN_MS = 500
const HOLD_AGAIN_MAX_MS = 15_000

/** A call that stays in force: made now, and again after every reconnect. */
export interface Hold {
  /** What it is about; two holds of one topic end at the hub only with the second. */
  readonly topic: string
  readonly start: string
  readonly stop: string
  /** Read at each start, so that a follow resumes from where it is. */
  readonly payload: () => object
  readonly onStarted?: (spaces: readonly SpaceStatus[]) => void
}

type LinkState = { kind: 'closed' } | { kind: 'connecting' } | { kind: 'online' } | { kind: 'offline' }

let link = $state<LinkState>({ kind: 'closed' })
let connectedTimes = $state(0)
let socket: Socket | undefined
let offlineTimer: ReturnType<typeof setTimeout> | undefined
let retryTimer: ReturnType<typeof setTimeout> | undefined
let whenRefused = () => {}
const holds = new Set<Hold>()
/** Those that wait to be made again. */
const refusals = new Map<Hold, { readonly pause: number; readonly timer: ReturnType<typeof setTimeout> }>()

/** Whether live updates arrive now. */
export function isLive(): boolean {
  return link.kind === 'online'
}

/** Whether the hub has been out of reach for longer than a blink. */
export function isOffline(): boolean {
  return link.kind === 'offline'
}

/** Counts connections; what was fetched under an older count may be stale. */
export function connectionCount(): number {
  return connectedTimes
}

/** Opens the socket for the signed-in user. `refused` runs when the hub does not accept the session. */
export function openLive(refused: () => void): void {
  if (socket) return
  whenRefused = refused
  link = { kind: 'connecting' }
  const opened = io({
    path: LIVE_PATH,
    transports: ['websocket', 'polling'],
    reconnectionDelay: 400,
    reconnectionDelayMax: RECONNECT_MAX_MS,
  })
  socket = opened
  opened.on('connect', onConnect)
  opened.on('disconnect', () => onDown(opened))
  opened.on('connect_error', () => onDown(opened))
  window.addEventListener('online', reconnectNow)
  document.addEventListener('visibilitychange', reconnectNow)
  expectConnection()
}

export function closeLive(): void {
  window.removeEventListener('online', reconnectNow)
  document.removeEventListener('visibilitychange', reconnectNow)
  clearTimeout(offlineTimer)
  clearTimeout(retryTimer)
  for (const held of holds) forgetRefusal(held)
  socket?.disconnect()
  socket?.removeAllListeners()
  socket = undefined
  link = { kind: 'closed' }
}

/** Keeps `held` in force until the returned function is called. */
export function hold(held: Hold): () => void {
  holds.add(held)
  if (socket?.connected) void startHold(socket, held)
  return () => {
    forgetRefusal(held)
    const last = holds.delete(held) && ![...holds].some((other) => other.topic === held.topic)
    if (last && socket?.connected) socket.emit(held.stop, held.payload(), () => {})
  }
}

/** Makes a held call again on the connection there is, after the hub has ended it. */
export function restart(held: Hold): void {
  if (holds.has(held) && socket?.connected) void startHold(socket, held)
}

type PushName = (typeof LIVE_EVENTS)[keyof typeof LIVE_EVENTS]
const listeners = new Map<string, Set<(payload: unknown) => void>>()

/** Calls `listener` with each parsed push; what does not parse is dropped. */
export function listen<T>(event: PushName, schema: z.ZodType<T>, listener: (push: T) => void): () => void {
  function parseAndCall(payload: unknown) {
    const parsed = schema.safeParse(payload)
    if (parsed.success) listener(parsed.data)
  }
  const group = listeners.get(event) ?? new Set()
  listeners.set(event, group.add(parseAndCall))
  return () => group.delete(parseAndCall)
}

function onConnect(): void {
  const opened = socket
  if (!opened) return
  clearTimeout(offlineTimer)
  offlineTimer = undefined
  link = { kind: 'online' }
  connectedTimes += 1
  opened.offAny()
  opened.onAny((event: string, payload: unknown) => {
    for (const listener of listeners.get(event) ?? []) listener(payload)
  })
  for (const held of holds) void startHold(opened, held)
}

function onDown(from: Socket): void {
  if (from !== socket) return
  if (link.kind === 'online') link = { kind: 'connecting' }
  expectConnection()
  // Socket.IO gives up when the hub itself closed or refused the connection; every other loss it mends alone.
  if (from.active) return
  whenRefused()
  clearTimeout(retryTimer)
  retryTimer = setTimeout(() => from === socket && from.connect(), REFUSED_RETRY_MS)
}

function expectConnection(): void {
  offlineTimer ??= setTimeout(() => (link = { kind: 'offline' }), OFFLINE_AFTER_MS)
}

function reconnectNow(): void {
  if (document.visibilityState === 'visible' && socket && !socket.connected) socket.disconnect().connect()
}

async function startHold(on: Socket, held: Hold): Promise<void> {
  const connection = on.id
  try {
    const answer: unknown = await on.timeout(ACK_WITHIN_MS).emitWithAck(held.start, held.payload())
    if (on.id !== connection || !holds.has(held)) return
    const ack = liveAck.parse(answer)
    if (!ack.ok) return startAgainLater(held, ERRORS[ack.error.code].retryable)
    forgetRefusal(held)
    held.onStarted?.(ack.spaces ?? [])
  } catch {
    // No ack in time: the connection is not what it seems, so take a new one; it starts every hold again.
    if (on.id === connection && on === socket && on.connected) on.disconnect().connect()
  }
}

function startAgainLater(held: Hold, isPassing: boolean): void {
  const before = refusals.get(held)?.pause ?? HOLD_AGAIN_MS / 2
  forgetRefusal(held)
  if (!isPassing) return
  const pause = Math.min(before * 2, HOLD_AGAIN_MAX_MS)
  refusals.set(held, { pause, timer: setTimeout(() => restart(held), pause) })
}

function forgetRefusal(held: Hold): void {
  clearTimeout(refusals.get(held)?.timer)
  refusals.delete(held)
}
