import type { Socket } from 'socket.io'

/**
 * What waits for a websocket is sent in one system call, not in one for each frame: the hub hands out and acknowledges in
 * groups. Where a connection began by polling its frames go as they did.
 */
export function sendTogether({ conn }: Socket): void {
  if (conn.transport.name !== 'websocket') return
  const { socket } = conn.request
  conn.on('flush', () => socket.cork())
  conn.on('drain', () => socket.uncork())
}
