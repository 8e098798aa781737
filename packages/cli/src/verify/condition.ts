import { notWithin } from './checklist.ts'

/** Something that changes, and those who wait for it to be as they need it. */
export interface Condition {
  readonly changed: () => void
  /** @param seen what to quote when it is not met in time (milliseconds) */
  readonly met: (holds: () => boolean, within: number, seen: () => string) => Promise<void>
}

export function createCondition(): Condition {
  const watchers = new Set<() => void>()
  return {
    changed() {
      for (const watcher of watchers) watcher()
    },
    met(holds, within, seen) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const timer = setTimeout(() => reject(notWithin(within, seen())), within)
      const look = () => {
        if (holds()) resolve()
      }
      watchers.add(look)
      look()
      return promise.finally(() => {
        clearTimeout(timer)
        watchers.delete(look)
      })
    },
  }
}
