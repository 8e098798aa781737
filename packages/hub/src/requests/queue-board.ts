import { type SpaceId, TIMING } from '@websocket-spaces/protocol'
import { FORECAST_PLACES, type Forecasts } from './forecasts.ts'
import type { Bus, MessageOn, RequestStore } from './ports.ts'

/** Positions beyond this are not pushed; a page that far back learns its own when it asks. */
const PUSHED_POSITIONS = FORECAST_PLACES
/** Milliseconds: an end and the start that follows it are told as one, or people would read for a moment that nobody runs. */
const GATHER = 50
/** Counting a very long queue takes its time: for each millisecond it took, this many without. */
const REST = 20

export interface QueueBoardDeps {
  readonly store: Pick<RequestStore, 'waiting' | 'counts'>
  readonly forecasts: Forecasts
  readonly bus: Bus
  readonly onError: (error: unknown) => void
}

/** Tells pages how the queue of a space stands: soon after a quiet time, then at most every `positionsEvery`. */
export class QueueBoard {
  readonly #deps: QueueBoardDeps
  readonly #pauses = new Map<SpaceId, { timer: NodeJS.Timeout | undefined; again: boolean }>()
  #stopped = false

  constructor(deps: QueueBoardDeps) {
    this.#deps = deps
  }

  changed(spaceId: SpaceId): void {
    const pause = this.#pauses.get(spaceId)
    if (pause !== undefined) {
      pause.again = true
      return
    }
    if (this.#stopped) return
    this.#pauses.set(spaceId, { timer: setTimeout(() => void this.#tellAndRest(spaceId), GATHER), again: false })
  }

  stop(): void {
    this.#stopped = true
    for (const { timer } of this.#pauses.values()) clearTimeout(timer)
    this.#pauses.clear()
  }

  #resume(spaceId: SpaceId): void {
    const again = this.#pauses.get(spaceId)?.again === true
    this.#pauses.delete(spaceId)
    if (again) this.changed(spaceId)
  }

  /** Once between nodes, and at each to those who follow one of the requests. */
  pass({ waiting, length, etas }: MessageOn<'queue'>): void {
    for (const [index, id] of waiting.entries()) {
      const item = { type: 'position', position: index + 1, queue_length: length, eta: etas[index] ?? null } as const
      this.#deps.bus.publish({ topic: `request:${id}`, item }, 'here')
    }
  }

  async #tellAndRest(spaceId: SpaceId): Promise<void> {
    const pause = this.#pauses.get(spaceId)
    if (this.#stopped || pause === undefined) return
    // What moves from here on is told next time.
    pause.again = false
    const from = performance.now()
    await this.#tell(spaceId)
    if (this.#stopped) return
    const rest = Math.max(TIMING.positionsEvery, REST * (performance.now() - from))
    pause.timer = setTimeout(() => this.#resume(spaceId), rest)
  }

  async #tell(spaceId: SpaceId): Promise<void> {
    const { store, bus, forecasts } = this.#deps
    bus.publish({ topic: 'spaces', spaceId, change: 'status' })
    try {
      const waiting = await store.waiting(spaceId, PUSHED_POSITIONS)
      const length = waiting.length < PUSHED_POSITIONS ? waiting.length : (await store.counts(spaceId)).queued
      const etas = waiting.length === 0 ? [] : (await forecasts.renewed(spaceId, waiting.length)).slice(0, waiting.length)
      bus.publish({ topic: 'queue', spaceId, waiting, length, etas })
    } catch (error) {
      // A page that misses a position gets the next one.
      this.#deps.onError(error)
    }
  }
}
