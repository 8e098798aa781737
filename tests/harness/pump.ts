import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { FrameDuplicator } from './frame-duplicator.ts'

/** `hold`: bytes wait; `swallow`: they vanish, and the end of the connection with them. */
export interface Weather {
  flow: 'pass' | 'hold' | 'swallow'
  /** Milliseconds between arriving here and going on. */
  delayMs: number
}

interface Parcel {
  readonly bytes: Buffer | 'end' | 'reset'
  readonly due: number
}

/** So many bytes may wait here before the sender has to. */
const MOST_WAITING = 1024 * 1024

/** One way of one connection. */
export class Pump {
  readonly #from: Socket
  readonly #to: Socket
  readonly #weather: Weather
  readonly #frames: FrameDuplicator
  readonly #parcels: Parcel[] = []
  #waiting = 0
  #timer: NodeJS.Timeout | undefined
  #flowing = false
  /** Bytes vanished: the connection cannot go on when the weather clears. */
  lossy = false

  constructor(from: Socket, to: Socket, weather: Weather, frames: FrameDuplicator) {
    this.#from = from
    this.#to = to
    this.#weather = weather
    this.#frames = frames
    from.on('data', (chunk) => this.#take(chunk))
    from.once('end', () => this.#take('end'))
    from.once('close', (hadError) => {
      if (hadError || !from.readableEnded) this.#take('reset')
    })
    to.once('close', () => {
      clearTimeout(this.#timer)
      this.#parcels.length = 0
    })
  }

  resume(): void {
    void this.#flow()
  }

  #take(bytes: Parcel['bytes']): void {
    if (this.#weather.flow === 'swallow') {
      this.lossy = true
      return
    }
    const due = performance.now() + this.#weather.delayMs
    for (const piece of typeof bytes === 'string' ? [bytes] : this.#frames.pass(bytes)) {
      this.#parcels.push({ bytes: piece, due })
      if (typeof piece !== 'string') this.#waiting += piece.length
    }
    if (this.#waiting > MOST_WAITING) this.#from.pause()
    void this.#flow()
  }

  async #flow(): Promise<void> {
    if (this.#flowing) return
    this.#flowing = true
    clearTimeout(this.#timer)
    for (let next = this.#parcels[0]; next !== undefined && this.#weather.flow === 'pass'; next = this.#parcels[0]) {
      const wait = next.due - performance.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => void this.#flow(), Math.ceil(wait))
        break
      }
      this.#parcels.shift()
      await this.#send(next.bytes)
    }
    this.#flowing = false
  }

  async #send(bytes: Parcel['bytes']): Promise<void> {
    const to = this.#to
    if (bytes === 'end') to.end()
    else if (bytes === 'reset') to.resetAndDestroy()
    else {
      this.#waiting -= bytes.length
      if (this.#from.isPaused() && this.#waiting <= MOST_WAITING) this.#from.resume()
      if (!to.destroyed && !to.write(bytes)) await drained(to)
    }
  }
}

async function drained(socket: Socket): Promise<void> {
  const settled = new AbortController()
  const { signal } = settled
  await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]).catch(() => undefined)
  settled.abort()
}
