import type { Eta } from './request.ts'

/** What is left of an estimate, in whole units; `low` 0: it may be over already. */
export interface Remaining {
  readonly unit: 'seconds' | 'minutes'
  readonly low: number
  readonly high: number
}

/** From so many seconds on people are told minutes. */
const MINUTES_FROM = 100

/**
 * What is left of an estimate that was made `passed` seconds ago.
 * @returns null when more time has passed than it allowed: then nobody knows, save that it may be any moment
 */
export function remainingOf({ low_seconds, high_seconds }: Eta, passed: number): Remaining | null {
  // Estimates are whole seconds. A clock that was set back makes none longer.
  const since = Math.max(0, Math.floor(passed))
  const high = high_seconds - since
  if (high <= 0) return null
  const low = Math.max(0, low_seconds - since)
  const [unit, size] = high >= MINUTES_FROM ? (['minutes', 60] as const) : (['seconds', 1] as const)
  return { unit, low: Math.floor(low / size), high: Math.ceil(high / size) }
}
