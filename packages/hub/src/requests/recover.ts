import { DEFAULTS, TIMING } from '@websocket-spaces/protocol'
import { end, type EndDeps } from './cancel.ts'
import type { RequestStore } from './ports.ts'

const BATCH = 500
/** Every so many sweeps, spaces with waiting requests are woken in case a wake-up was lost. */
const WAKE_EACH = 5

/** At start-up: what a previous run of the hub had handed out waits again. */
export async function recover(store: RequestStore, now: () => number): Promise<number> {
  let recovered = 0
  for (;;) {
    const leased = await store.leased(BATCH)
    for (const { id, leaseId } of leased) {
      await store.apply(id, { type: 'lost', leaseId, at: now(), reason: 'hub_restarted', maxAttempts: DEFAULTS.maxAttempts })
    }
    recovered += leased.length
    if (leased.length < BATCH) return recovered
  }
}

/** Ends requests whose deadline has passed, and finds missed wake-ups. One timer for all requests. */
export class Sweeper {
  readonly #deps: EndDeps & { readonly onError: (message: string, error: unknown) => void }
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #count = 0
  #stopped = false

  constructor(deps: EndDeps & { readonly onError: (message: string, error: unknown) => void }) {
    this.#deps = deps
  }

  start(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#running = this.#sweep().finally(() => this.start())
    }, TIMING.sweepEvery)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #sweep(): Promise<void> {
    const { store, dispatcher, now, onError } = this.#deps
    try {
      await dispatcher.retryReleases()
      for (const { id, seconds } of await store.overdue(now(), BATCH)) {
        await end(this.#deps, id, { type: 'timed_out', at: now(), seconds }, 'timeout')
      }
      this.#count += 1
      if (this.#count % WAKE_EACH !== 0) return
      for (const spaceId of await store.spacesWithClaimable()) dispatcher.wake(spaceId)
    } catch (error) {
      onError('sweep failed; the next one tries again', error)
    }
  }
}
