import { LIMITS } from '@websocket-spaces/protocol'
import type { Socket } from 'socket.io'

/** What a packet takes beside its characters. */
const OVERHEAD = 256

/**
 * Closes a socket whose peer does not read what it is told: Socket.IO keeps that without limit. Its heartbeat is no help
 * against a peer that answers without reading.
 */
export class Unread {
  #chars = 0
  #isSparing = false

  /** `onFull` is called once, just before the socket is closed. */
  constructor({ conn }: Pick<Socket, 'conn'>, onFull: () => void) {
    const add = ({ data }: { readonly data?: unknown }): void => {
      if (this.#isSparing) return
      this.#chars += OVERHEAD + (typeof data === 'string' ? data.length : 0)
      if (this.#chars <= LIMITS.unreadChars) return
      conn.off('packetCreate', add)
      // Not in the middle of sending.
      queueMicrotask(() => {
        onFull()
        conn.close(true)
      })
    }
    conn.on('packetCreate', add)
    // The transport has taken all; it takes more only when that is on its way.
    conn.on('drain', () => (this.#chars = 0))
  }

  /** What is sent in here does not count: it is bounded otherwise. */
  spare(send: () => void): void {
    this.#isSparing = true
    try {
      send()
    } finally {
      this.#isSparing = false
    }
  }
}
