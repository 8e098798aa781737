import { once } from 'node:events'
import {
  followCall,
  LIMITS,
  LIVE_CALLS,
  LIVE_EVENTS,
  type LiveAck,
  type RequestId,
  SpacesError,
  TIMING,
  unfollowCall,
  watchSpaceCall,
} from '@websocket-spaces/protocol'
import { z } from 'zod'
import type { Identity } from '../accounts/identity.ts'
import type { Services } from '../services.ts'
import { ackOf, toWireError } from './answer.ts'
import { Unread } from './unread.ts'
import { ADMIN_GALLERY, CONNECTIONS, GALLERY, type LiveSocket, ownGallery, spaceRoom } from './live-socket.ts'

/** Packets that may wait in a slow browser's socket before a follow pauses. */
const MOST_UNSENT = 64
const GALLERY_STATUSES = 100

/** For calls without parameters. */
const nothing = z.unknown()
type Spaces = NonNullable<Extract<LiveAck, { ok: true }>['spaces']>

/** One browser tab. */
export class LiveSession {
  readonly #socket: LiveSocket
  readonly #services: Services
  readonly #identity: Identity
  readonly #follows = new Map<RequestId, AbortController>()
  readonly #unread: Unread
  /** Items sent since the transport last took everything. */
  #unsent = 0

  constructor(socket: LiveSocket, services: Services) {
    this.#socket = socket
    this.#services = services
    this.#identity = socket.data.identity
    const { userId: user } = this.#identity
    this.#unread = new Unread(socket, {
      onFull: () => services.log.warn({ user }, 'closing a live socket that does not read what it is told'),
    })
  }

  listen(): void {
    const socket = this.#socket
    this.#onCall(LIVE_CALLS.watchGallery, nothing, () => this.#watchGallery())
    this.#onCall(LIVE_CALLS.unwatchGallery, nothing, () => this.#leave(...this.#galleryRooms()))
    this.#onCall(LIVE_CALLS.watchSpace, watchSpaceCall, async ({ space_id }) => {
      const space = await this.#services.catalog.byId(space_id, this.#identity)
      await socket.join(spaceRoom(space.id))
      return [await this.#services.catalog.status(space)]
    })
    this.#onCall(LIVE_CALLS.unwatchSpace, watchSpaceCall, ({ space_id }) => this.#leave(spaceRoom(space_id)))
    this.#onCall(LIVE_CALLS.watchConnections, nothing, () => this.#watchConnections())
    this.#onCall(LIVE_CALLS.unwatchConnections, nothing, () => this.#leave(CONNECTIONS))
    this.#onCall(LIVE_CALLS.follow, followCall, ({ request_id, after }) => this.#follow(request_id, after))
    this.#onCall(LIVE_CALLS.unfollow, unfollowCall, async ({ request_id }) => this.#follows.get(request_id)?.abort())
    const unsubscribe = this.#services.bus.subscribe(`user:${this.#identity.userId}`, (message) => {
      // Closing the transport, not the socket: whoever is still allowed comes back by itself.
      if (message.change === 'revoked') socket.conn.close()
      else {
        const { requestId: request_id, spaceId: space_id, status } = message
        socket.emit(LIVE_EVENTS.myRequest, { request_id, space_id, status })
      }
    })
    const drained = (): void => {
      this.#unsent = 0
    }
    socket.conn.on('drain', drained)
    const looking = setInterval(() => void this.#lookAgain(), TIMING.streamKeepAlive)
    socket.on('disconnect', () => {
      unsubscribe()
      clearInterval(looking)
      socket.conn.off('drain', drained)
      for (const follow of this.#follows.values()) follow.abort()
      // Whoever only takes leave of the namespace could come again over the same connection, without end.
      socket.conn.close()
    })
  }

  /** A socket outlives the session it was opened with where the word of its end got lost; whoever is still allowed comes back. */
  async #lookAgain(): Promise<void> {
    try {
      const found = await this.#services.accounts.authenticate(this.#socket.handshake.headers)
      if (found?.userId !== this.#identity.userId || found.role !== this.#identity.role) this.#socket.conn.close()
    } catch (error) {
      this.#services.log.warn({ err: error }, 'could not look once more whether a page may listen')
    }
  }

  #onCall<T extends z.ZodType>(call: string, schema: T, run: (message: z.output<T>) => Promise<Spaces | void>): void {
    this.#socket.on(call, (...args: unknown[]) => {
      const answer = (ack: LiveAck): void => ackOf(args)?.(ack)
      const parsed = async (): Promise<Spaces | void> => run(schema.parse(args[0]))
      parsed().then(
        (spaces) => answer(spaces === undefined ? { ok: true } : { ok: true, spaces }),
        (error: unknown) => answer({ ok: false, error: toWireError(error, this.#services.log) }),
      )
    })
  }

  async #watchGallery(): Promise<Spaces> {
    await this.#socket.join(this.#galleryRooms())
    const { spaces } = await this.#services.catalog.list({ limit: GALLERY_STATUSES }, this.#identity)
    return spaces.map((space) => space.status)
  }

  async #watchConnections(): Promise<void> {
    if (this.#identity.role !== 'admin') throw new SpacesError('forbidden')
    await this.#socket.join(CONNECTIONS)
    this.#socket.emit(LIVE_EVENTS.connections, { connections: await this.#services.presence.all() })
  }

  async #follow(id: RequestId, after: number): Promise<void> {
    const before = this.#follows.get(id)
    if (before === undefined && this.#follows.size >= LIMITS.followsPerSocket)
      throw new SpacesError('too_many', { limit: LIMITS.followsPerSocket })
    before?.abort()
    const abort = new AbortController()
    this.#follows.set(id, abort)
    try {
      const items = await this.#services.requests.follow(id, after, this.#identity, abort.signal)
      void this.#pass(id, items, abort)
    } catch (error) {
      this.#forget(id, abort)
      throw error
    }
  }

  async #pass(id: RequestId, items: Awaited<ReturnType<Services['requests']['follow']>>, abort: AbortController): Promise<void> {
    try {
      for await (const item of items) {
        if (abort.signal.aborted) break
        this.#unread.spare(() => this.#socket.emit(LIVE_EVENTS.requestEvent, { request_id: id, item }))
        await this.#drained(abort.signal)
      }
    } catch (error) {
      if (abort.signal.aborted) return
      const { code } = toWireError(error, this.#services.log)
      this.#socket.emit(LIVE_EVENTS.followEnded, { request_id: id, code })
    } finally {
      this.#forget(id, abort)
    }
  }

  /** Socket.IO buffers without limit; a follow waits here until a slow browser has caught up. */
  async #drained(signal: AbortSignal): Promise<void> {
    const { conn } = this.#socket
    this.#unsent += 1
    while (!signal.aborted && this.#unsent > MOST_UNSENT) await once(conn, 'drain', { signal })
  }

  #forget(id: RequestId, abort: AbortController): void {
    if (this.#follows.get(id) === abort) this.#follows.delete(id)
  }

  #galleryRooms(): string[] {
    return [GALLERY, ownGallery(this.#identity.userId), ...(this.#identity.role === 'admin' ? [ADMIN_GALLERY] : [])]
  }

  async #leave(...rooms: string[]): Promise<void> {
    for (const room of rooms) await this.#socket.leave(room)
  }
}
