import type { Target } from './schedule.ts'

const LOG_LINES = 8
const LOG_CHARS = 400

/** Told each line that a hub or an app prints. */
export type OnPrinted = (target: Target, line: string) => void

/** What each hub and app printed last. */
export class LastLines {
  readonly #onPrinted: OnPrinted
  readonly #last = new Map<Target, string[]>()

  constructor(onPrinted: OnPrinted) {
    this.#onPrinted = onPrinted
  }

  of(name: Target): (line: string) => void {
    const last: string[] = []
    this.#last.set(name, last)
    return (line) => {
      if (last.push(line) > LOG_LINES) last.shift()
      this.#onPrinted(name, line)
    }
  }

  text(): string {
    return [...this.#last].map(([name, lines]) => `${name}:\n${lines.map(shortened).join('\n')}`).join('\n')
  }
}

/** Lines are long: an error with all its causes. */
function shortened(line: string): string {
  return line.replace(/"stack":"(?:[^"\\]|\\.)*"/g, '"stack":…').slice(0, LOG_CHARS)
}
