import { setTimeout as sleep } from 'node:timers/promises'
import type { SpaceId } from '@websocket-spaces/protocol'
import type { RequestStore } from './ports.ts'

const DAY = 86_400_000
/** Milliseconds between two looks, on average. */
const LOOK_EVERY = 10 * 60_000
/** For each millisecond a batch took, this many are left to everybody else; and never fewer than `LEAST_REST`. */
const REST = 9
const LEAST_REST = 50

export interface RetentionDeps {
  readonly store: Pick<RequestStore, 'prune'>
  /** Age in days at which finished requests are deleted; 0 = never. */
  readonly days: number
  readonly now: () => number
  /** Told how many were deleted in one go, when there were any. */
  readonly onPruned: (count: number) => void
  readonly onError: (message: string, error: unknown) => void
}

/** Deletes finished requests of a certain age, a few at a time. All nodes do, at different times; together they do it once. */
export class Retention {
  readonly #deps: RetentionDeps
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(deps: RetentionDeps) {
    this.#deps = deps
  }

  start(): void {
    if (this.#deps.days > 0) this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  /** Deletes all that is old enough now, unless it is stopped. Returns how many. */
  async sweep(): Promise<number> {
    const { store, days, now, onPruned } = this.#deps
    const finishedBefore = now() - days * DAY
    let count = 0
    for (;;) {
      const from = performance.now()
      const pruned = await store.prune({ finishedBefore })
      count += pruned
      if (pruned === 0 || !(await this.#rest(Math.max(LEAST_REST, REST * (performance.now() - from))))) break
    }
    if (count > 0) onPruned(count)
    return count
  }

  async #run(): Promise<void> {
    // By chance, so that nodes that were started together do not look at the same moment; the first look comes soon.
    let pause = (Math.random() * LOOK_EVERY) / 10
    while (await this.#rest(pause)) {
      await this.sweep().catch((error: unknown) => this.#deps.onError('could not delete old requests; the next look tries again', error))
      pause = LOOK_EVERY * (0.5 + Math.random())
    }
  }

  /** False when it was stopped. */
  async #rest(milliseconds: number): Promise<boolean> {
    return sleep(milliseconds, true, { signal: this.#stop.signal }).catch(() => false)
  }
}

/** Deletes all that is finished in a space that is about to be deleted, so that little is left for the one transaction that does. */
export async function pruneSpace(store: Pick<RequestStore, 'prune'>, spaceId: SpaceId): Promise<void> {
  while ((await store.prune({ finishedBefore: Number.MAX_SAFE_INTEGER, spaceId })) > 0);
}
