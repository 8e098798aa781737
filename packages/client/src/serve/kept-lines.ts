import type { LogLevel } from './types.ts'

export interface KeptLine {
  /** How many characters of output were said before it. */
  readonly at: number
  readonly level: LogLevel
  readonly line: string
}

export interface KeptLinesLimits {
  readonly lines: number
  readonly chars: number
}

const LIMITS: KeptLinesLimits = { lines: 1_000, chars: 200_000 }

/** Log lines said while the hub is away. The oldest make room for new ones. */
export class KeptLines {
  readonly #limits: KeptLinesLimits
  #lines: KeptLine[] = []
  #chars = 0
  #dropped = 0

  constructor(limits: KeptLinesLimits = LIMITS) {
    this.#limits = limits
  }

  /** Characters. */
  get size(): number {
    return this.#chars
  }

  keep(line: KeptLine): void {
    this.#lines.push(line)
    this.#chars += line.line.length
    while (this.#lines.length > this.#limits.lines || this.#chars > this.#limits.chars) {
      this.#chars -= this.#lines.shift()?.line.length ?? 0
      this.#dropped += 1
    }
  }

  /** In order, first of all one that tells how many are missing. They are forgotten here: each is said at most once. */
  take(): KeptLine[] {
    const lines = this.#lines
    if (this.#dropped > 0) lines.unshift({ at: lines[0]?.at ?? 0, level: 'warning', line: missing(this.#dropped) })
    this.#lines = []
    this.#chars = 0
    this.#dropped = 0
    return lines
  }
}

function missing(count: number): string {
  return count === 1 ? '1 log line was dropped while the hub was away' : `${count} log lines were dropped while the hub was away`
}
