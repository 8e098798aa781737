/** Tells at once, and what happens within `pause` ms of that, or while it is being told, together afterwards. */
export class Coalesced {
  readonly #tell: () => Promise<void>
  readonly #pause: number
  #timer: NodeJS.Timeout | undefined
  #isBusy = false
  #again = false
  #stopped = false

  /** `tell` must not reject. */
  constructor(pause: number, tell: () => Promise<void>) {
    this.#pause = pause
    this.#tell = tell
  }

  changed(): void {
    if (this.#stopped) return
    this.#again = true
    if (!this.#isBusy) void this.#run()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    this.#isBusy = true
    this.#again = false
    await this.#tell()
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#isBusy = false
      if (this.#again) void this.#run()
    }, this.#pause)
  }
}
