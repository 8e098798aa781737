import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Remembers a server's open connections, so that a stop need not wait for a peer that does not answer any more. */
export function trackConnections(server: Server): { destroyAll(): void } {
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  return {
    destroyAll() {
      for (const socket of open) socket.destroy()
    },
  }
}
