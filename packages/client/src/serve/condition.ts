/** Something to wait for: whoever changes it calls `changed`. */
export interface Condition {
  readonly changed: () => void
  /** Resolves when the condition holds, at once or after a change. */
  readonly met: () => Promise<void>
}

export function createCondition(holds: () => boolean): Condition {
  const waiting = new Set<() => void>()
  return {
    changed() {
      if (!holds()) return
      for (const resolve of waiting) resolve()
      waiting.clear()
    },
    async met() {
      if (holds()) return
      await new Promise<void>((resolve) => waiting.add(resolve))
    },
  }
}
