import { APP_EVENTS, LIMITS } from '@websocket-spaces/protocol'
import { KeptLines } from './kept-lines.ts'
import type { RunContext } from './types.ts'

export interface RunOutput {
  readonly context: RunContext
  /** Characters remembered. */
  size(): number
  /** The hub is away, or the run is not ours at the moment: what is said is only remembered. */
  hold(): void
  /**
   * Goes on after `hold`: says the last progress again, of the output all from this character on, and between its pieces
   * the log lines that nobody was told. A line that was sent and perhaps not stored is not said again.
   */
  replay(from: number): void
  /** The run is over: whatever is still to be said goes out now, and nothing is taken any more. */
  end(): void
}

/** Output that comes faster than this (milliseconds) travels together: a model may say a thousand words a second. */
const OUTPUT_EVERY_MS = 20

/** What a handler says while it runs, and the memory of what the hub may lack of it. */
export function createContext(requestId: string, signal: AbortSignal, send: (event: string, message: object) => void): RunOutput {
  let said = ''
  let unsent = ''
  const kept = new KeptLines()
  let held = false
  let ended = false
  let pause: NodeJS.Timeout | undefined
  let lastProgress: { progress: number; message?: string } | undefined

  const deaf = () => ended || signal.aborted
  const say = (event: string, more: object) => {
    if (!held && !signal.aborted) send(event, { request_id: requestId, ...more })
  }

  function flush(): void {
    const text = unsent
    unsent = ''
    for (const piece of pieces(text)) say(APP_EVENTS.inferenceOutput, { text: piece })
  }

  /** The first piece goes at once; those that follow closely wait for each other. */
  function flushSoon(): void {
    if (pause !== undefined) return
    flush()
    pause = setTimeout(() => {
      pause = undefined
      if (unsent !== '') flushSoon()
    }, OUTPUT_EVERY_MS)
  }

  return {
    context: {
      signal,
      progress(fraction, message) {
        if (deaf() || Number.isNaN(fraction)) return
        flush()
        const progress = Math.min(1, Math.max(0, fraction))
        lastProgress = { progress, ...(message === undefined ? {} : { message: message.slice(0, LIMITS.logLineChars) }) }
        say(APP_EVENTS.inferenceProgress, lastProgress)
      },
      output(text) {
        if (deaf() || text === '') return
        if (said.length < LIMITS.outputChars) said += text
        unsent += text
        flushSoon()
      },
      log(level, line) {
        if (deaf()) return
        flush()
        const cut = line.slice(0, LIMITS.logLineChars)
        if (held) kept.keep({ at: said.length, level, line: cut })
        else say(APP_EVENTS.inferenceLog, { level, line: cut })
      },
    },
    size: () => said.length + kept.size,
    hold() {
      held = true
    },
    replay(from) {
      held = false
      if (lastProgress !== undefined) say(APP_EVENTS.inferenceProgress, lastProgress)
      let told = from
      for (const { at, level, line } of kept.take()) {
        unsent = said.slice(told, at)
        told = Math.max(told, at)
        flush()
        say(APP_EVENTS.inferenceLog, { level, line })
      }
      unsent = said.slice(told)
      flush()
    },
    end() {
      clearTimeout(pause)
      flush()
      ended = true
    },
  }
}

/** Cut to the size of a delta, never through the middle of a character. */
function* pieces(text: string): Generator<string> {
  let start = 0
  while (start < text.length) {
    let end = Math.min(start + LIMITS.deltaChars, text.length)
    const code = text.charCodeAt(end - 1)
    if (end < text.length && code >= 0xd800 && code <= 0xdbff) end -= 1
    yield text.slice(start, end)
    start = end
  }
}
