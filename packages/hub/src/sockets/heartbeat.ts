import { TIMING } from '@websocket-spaces/protocol'

const LOOK_EVERY = 200

export interface Heard {
  readonly onSilence: () => void
  readonly onReturn: () => void
}

interface Watched extends Heard {
  at: number
  silent: boolean
}

/**
 * Notices within two seconds when an app's machine vanishes, without cutting off one that is only
 * busy: silence is reported at once, the socket itself is given up much later. One timer for all.
 */
export class Heartbeat {
  readonly #watched = new Map<string, Watched>()
  #looked = performance.now()
  readonly #timer = setInterval(() => this.#look(), LOOK_EVERY)

  watch(id: string, heard: Heard): void {
    this.#watched.set(id, { ...heard, at: performance.now(), silent: false })
  }

  forget(id: string): void {
    this.#watched.delete(id)
  }

  /** Something came from this socket, be it only a pong. */
  beat(id: string): void {
    const watched = this.#watched.get(id)
    if (watched === undefined) return
    watched.at = performance.now()
    if (!watched.silent) return
    watched.silent = false
    watched.onReturn()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#watched.clear()
  }

  #look(): void {
    const now = performance.now()
    // Where the hub itself was held up, nobody else is to blame for that time.
    const heldUp = Math.max(0, now - this.#looked - LOOK_EVERY)
    this.#looked = now
    for (const watched of this.#watched.values()) {
      watched.at += heldUp
      if (watched.silent || now - watched.at < TIMING.heartbeatSilence) continue
      watched.silent = true
      watched.onSilence()
    }
  }
}
