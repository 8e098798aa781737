import type { Server as HttpServer } from 'node:http'
import { Server } from 'socket.io'
import { LIMITS, TIMING } from '@websocket-spaces/protocol'
import type { Services } from '../services.ts'
import { AppSession } from './app-session.ts'
import { Heartbeat } from './heartbeat.ts'
import { sendTogether } from './send-together.ts'

export interface Gateway {
  /** Closes every socket. */
  close(): Promise<void>
}

/** Where apps connect: Socket.IO, namespace `/`, path `/socket.io/`. PROTOCOL.md has every message. */
export function attachAppGateway(http: HttpServer, services: Services): Gateway {
  const io = new Server(http, {
    path: '/socket.io/',
    serveClient: false,
    maxHttpBufferSize: LIMITS.packetBytes,
    pingInterval: TIMING.heartbeatEvery,
    pingTimeout: TIMING.heartbeatGiveUp,
    connectTimeout: TIMING.registerWithin,
    perMessageDeflate: false,
    destroyUpgrade: false,
  })
  const heartbeat = new Heartbeat()
  io.on('connection', (socket) => {
    sendTogether(socket)
    new AppSession(socket, services, heartbeat).listen()
  })
  return {
    async close() {
      heartbeat.stop()
      await io.close()
    },
  }
}
