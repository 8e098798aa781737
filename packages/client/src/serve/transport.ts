import { Socket as TcpSocket } from 'node:net'
import type { Socket } from 'socket.io-client'

/** What a Socket.IO connection runs on. */
export type Engine = Socket['io']['engine']

/** Milliseconds in which the other end may answer a farewell. */
const FAREWELL_MS = 500

/** The TCP connection beneath a WebSocket; there is no lasting one with long polling. */
export function tcpOf({ transport }: Engine): TcpSocket | undefined {
  const ws: unknown = 'ws' in transport ? transport.ws : undefined
  const tcp: unknown = ws instanceof Object && '_socket' in ws ? ws._socket : undefined
  return tcp instanceof TcpSocket ? tcp : undefined
}

/** Ends the connection now, with no farewell and whatever is still to be sent. */
export function breakOff(engine: Engine): void {
  const tcp = tcpOf(engine)
  engine.transport.close()
  tcp?.destroy()
}

/** Says farewell. Over a dead line nobody answers, and the WebSocket would keep the process alive for half a minute. */
export function takeLeave(socket: Socket): void {
  const tcp = tcpOf(socket.io.engine)
  socket.disconnect()
  if (tcp === undefined || tcp.destroyed) return
  const timer = setTimeout(() => tcp.destroy(), FAREWELL_MS)
  tcp.once('close', () => clearTimeout(timer))
}
