import { setTimeout as sleep } from 'node:timers/promises'

/** A WebSocket without the manners of a Socket.IO client. */
export interface RawSocket extends AsyncDisposable {
  readonly received: readonly string[]
  send(frame: string | Uint8Array<ArrayBuffer>): void
  /** Waits until the other side has been quiet for a moment, or has hung up. */
  idle(): Promise<void>
}

export async function openRawSocket(url: string): Promise<RawSocket> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'))
  const received: string[] = []
  const closed = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  socket.addEventListener('open', () => opened.resolve())
  socket.addEventListener('error', () => opened.resolve())
  socket.addEventListener('close', () => closed.resolve())
  socket.addEventListener('message', ({ data }) => {
    if (received.length < 1_000) received.push(typeof data === 'string' ? data : '')
  })
  await Promise.race([opened.promise, closed.promise])
  return {
    received,
    send(frame) {
      if (socket.readyState === WebSocket.OPEN) socket.send(frame)
    },
    async idle() {
      for (let before = -1; before !== received.length;) {
        before = received.length
        await Promise.race([sleep(20), closed.promise])
      }
    },
    async [Symbol.asyncDispose]() {
      socket.close()
      await Promise.race([sleep(1_000), closed.promise])
    },
  }
}
