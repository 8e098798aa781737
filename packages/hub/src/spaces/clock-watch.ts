import { TIMING } from '@websocket-spaces/protocol'

/**
 * Compares this node's clock with the database's. Deadlines, and until when an app may come back, are written by one
 * node's clock and read by another's: nodes whose clocks differ end each other's too early or too late.
 */
export class ClockWatch {
  readonly #onOff: (ahead: number) => void
  #isOff = false

  /** `onOff` is told by how many milliseconds this node is ahead (below 0: behind), once until that is mended. */
  constructor(onOff: (ahead: number) => void) {
    this.#onOff = onOff
  }

  /** The database read its clock at some moment between these two of this node's. All in milliseconds since 1970. */
  compare(asked: number, clock: number, answered: number): void {
    // What is left when the way there and back is given the benefit of the doubt.
    const ahead = clock < asked ? asked - clock : Math.min(0, answered - clock)
    const off = Math.abs(ahead)
    if (this.#isOff ? off > TIMING.clockTolerance / 2 : off <= TIMING.clockTolerance) return
    this.#isOff = !this.#isOff
    if (this.#isOff) this.#onOff(ahead)
  }
}
