/** Waiting times between attempts: they double up to a ceiling, and no two apps come back in step. */
export interface Backoff {
  /** Milliseconds to wait before the next attempt. */
  next(): number
  reset(): void
}

export interface BackoffOptions {
  /** Milliseconds before the second attempt. */
  readonly first?: number
  /** Milliseconds that are never exceeded. */
  readonly ceiling?: number
  /** 0 … 1, as Math.random gives. */
  readonly random?: () => number
}

/** Each wait lies between half and all of the doubled time. */
export function createBackoff({ first = 400, ceiling = 15_000, random = Math.random }: BackoffOptions = {}): Backoff {
  let attempt = 0
  return {
    next() {
      const full = Math.min(ceiling, first * 2 ** Math.min(attempt, 30))
      attempt += 1
      return Math.round(full / 2 + (full / 2) * random())
    },
    reset() {
      attempt = 0
    },
  }
}
