import type { Server as HttpServer } from 'node:http'
import { Server } from 'socket.io'
import { LIVE_EVENTS, LIVE_PATH, type SpaceId, SpacesError, TIMING } from '@websocket-spaces/protocol'
import { isCrossSite } from '../accounts/cross-site.ts'
import type { Services } from '../services.ts'
import { canSee } from '../spaces/access.ts'
import type { SpaceChange } from '../spaces/ports.ts'
import type { Gateway } from './app-gateway.ts'
import { Coalesced } from './coalesced.ts'
import { LiveSession } from './live-session.ts'
import { ADMIN_GALLERY, CONNECTIONS, GALLERY, type LiveServer, type LiveSocket, ownGallery, spaceRoom } from './live-socket.ts'

/** Where signed-in browsers listen: one socket for status, requests and connections. */
export function attachLiveGateway(http: HttpServer, services: Services): Gateway {
  const { config, bus } = services
  const io: LiveServer = new Server(http, {
    path: LIVE_PATH,
    serveClient: false,
    maxHttpBufferSize: 64 * 1024,
    perMessageDeflate: false,
    destroyUpgrade: false,
    allowRequest(request, decide) {
      const foreign = isCrossSite(request.headers, config)
      decide(foreign ? 'cross_site' : null, !foreign)
    },
  })
  io.use((socket, done) => {
    void admit(services, socket, done)
  })
  io.on('connection', (socket) => new LiveSession(socket, services).listen())
  // When many apps come back at once, each of them would send the list of all.
  const connections = new Coalesced(TIMING.positionsEvery, () =>
    tellConnections(io, services).catch((error: unknown) => services.log.error({ err: error }, 'could not tell pages of connections')),
  )
  const stop = [
    bus.subscribe('spaces', (message) => {
      const told = message.change === 'status' ? tellStatus(io, services, message.spaceId) : tellChanged(io, services, message)
      told.catch((error: unknown) => services.log.error({ err: error }, 'could not tell pages of a change'))
    }),
    bus.subscribe('connections', () => connections.changed()),
  ]
  return {
    async close() {
      for (const unsubscribe of stop) unsubscribe()
      connections.stop()
      await io.close()
    },
  }
}

async function admit({ accounts, log }: Services, socket: LiveSocket, done: (refusal?: Error) => void): Promise<void> {
  try {
    const identity = await accounts.authenticate(socket.handshake.headers)
    if (identity === null) return done(new SpacesError('not_signed_in'))
    socket.data.identity = identity
    done()
  } catch (error) {
    log.error({ err: error }, 'could not authenticate a live socket')
    // Whoever is refused stays away; from a connection that ends, clients come back by themselves.
    socket.conn.close()
    done(new SpacesError('storage_unavailable'))
  }
}

async function tellConnections(io: LiveServer, { presence }: Services): Promise<void> {
  if (!io.sockets.adapter.rooms.has(CONNECTIONS)) return
  io.to(CONNECTIONS).emit(LIVE_EVENTS.connections, { connections: await presence.all() })
}

async function tellStatus(io: LiveServer, services: Services, id: SpaceId): Promise<void> {
  const rooms = io.sockets.adapter.rooms
  if (!rooms.has(spaceRoom(id)) && !rooms.has(GALLERY)) return
  const space = await services.catalogStore.find(id)
  if (space === null) return
  const status = await services.catalog.status(space)
  const galleries = space.visibility === 'public' ? [GALLERY] : [ownGallery(space.ownerId), ADMIN_GALLERY]
  io.to([spaceRoom(id), ...galleries]).emit(LIVE_EVENTS.spaceStatus, status)
}

/** Also shows out whoever may no longer see the space. */
async function tellChanged(io: LiveServer, services: Services, { spaceId: id, ownerId, change, listed }: SpaceChange): Promise<void> {
  const galleries = listed ? [GALLERY] : [ownGallery(ownerId), ADMIN_GALLERY]
  io.to([spaceRoom(id), ...galleries]).emit(LIVE_EVENTS.spaceChanged, { space_id: id, deleted: change === 'deleted' })
  const space = await services.catalogStore.find(id)
  for (const socketId of io.sockets.adapter.rooms.get(spaceRoom(id)) ?? []) {
    const socket = io.sockets.sockets.get(socketId)
    if (socket !== undefined && (space === null || !canSee(space, socket.data.identity))) void socket.leave(spaceRoom(id))
  }
}
