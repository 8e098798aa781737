import { setTimeout as sleep } from 'node:timers/promises'
import { SpacesError, TIMING } from '@websocket-spaces/protocol'

export interface Patience {
  /** Milliseconds after the first try in which another may begin. */
  readonly within: number
  /** Milliseconds between two tries. */
  readonly pause: number
}

/** A try that hangs counts as long as it hung. */
const PATIENCE: Patience = { within: TIMING.storeResultFor, pause: 500 }

/**
 * Tries again while the database is away or its disk is full, and somebody is there to hear the answer. A try is `unsure`
 * when one before it may have been stored without that being known. Throws what the last try threw.
 */
export async function outlast<T>(
  isWanted: () => boolean,
  store: (unsure: boolean) => Promise<T>,
  { within, pause }: Patience = PATIENCE,
): Promise<T> {
  const until = performance.now() + within
  for (let unsure = false; ; unsure = true) {
    try {
      return await store(unsure)
    } catch (error) {
      if (!mayPass(error) || !isWanted() || performance.now() >= until) throw error
      await sleep(pause)
    }
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof SpacesError && (error.code === 'storage_unavailable' || error.code === 'storage_full')
}
