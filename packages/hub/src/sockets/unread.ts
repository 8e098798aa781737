import { LIMITS } from '@websocket-spaces/protocol'
import type { Socket } from 'socket.io'

/** What a packet takes beside its characters. */
const OVERHEAD = 256
/** Characters of what is spared that may wait before its peer is behind. */
const BEHIND = 4_000_000

export interface UnreadEvents {
  /** Called once, just before the socket is closed. */
  readonly onFull: () => void
  /** It was behind, and is no more. */
  readonly onCaughtUp?: () => void
}

/**
 * Closes a socket whose peer does not read what it is told: Socket.IO keeps that without limit. Its heartbeat is no help
 * against a peer that answers without reading.
 */
export class Unread {
  #chars = 0
  #spared = 0
  #isSparing = false

  constructor({ conn }: Pick<Socket, 'conn'>, { onFull, onCaughtUp }: UnreadEvents) {
    const add = ({ data }: { readonly data?: unknown }): void => {
      const chars = OVERHEAD + (typeof data === 'string' ? data.length : 0)
      if (this.#isSparing) {
        this.#spared += chars
        return
      }
      this.#chars += chars
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
    conn.on('drain', () => {
      const wasBehind = this.isBehind
      this.#chars = 0
      this.#spared = 0
      if (wasBehind) onCaughtUp?.()
    })
  }

  /** Whether so much of what was spared waits that no more should be sent. */
  get isBehind(): boolean {
    return this.#spared > BEHIND
  }

  /** What is sent in here is no reason to close: whoever sends it looks whether its peer is behind. */
  spare(send: () => void): void {
    this.#isSparing = true
    try {
      send()
    } finally {
      this.#isSparing = false
    }
  }
}
