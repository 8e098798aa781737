import { APP_EVENTS, LIMITS } from '@websocket-spaces/protocol'
import type { RunContext } from './types.ts'

export interface RunOutput {
  readonly context: RunContext
  /** Says again what was said so far: to the hub, an adopted run is a new attempt. */
  readonly replay: () => void
  /** The run is over: whatever is still to be said goes out now. */
  readonly end: () => void
}

/** Output that comes faster than this (milliseconds) travels together: a model may say a thousand words a second. */
const OUTPUT_EVERY_MS = 20

/** What a handler says while it runs, and the memory of it (bounded like the hub's own). */
export function createContext(requestId: string, signal: AbortSignal, send: (event: string, message: object) => void): RunOutput {
  let said = ''
  let unsent = ''
  let pause: NodeJS.Timeout | undefined
  let lastProgress: { progress: number; message?: string } | undefined

  function sendProgress(): void {
    if (lastProgress !== undefined) send(APP_EVENTS.inferenceProgress, { request_id: requestId, ...lastProgress })
  }

  function flush(): void {
    const text = unsent
    unsent = ''
    if (!signal.aborted) for (const piece of pieces(text)) send(APP_EVENTS.inferenceOutput, { request_id: requestId, text: piece })
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
        if (signal.aborted || Number.isNaN(fraction)) return
        flush()
        const progress = Math.min(1, Math.max(0, fraction))
        lastProgress = { progress, ...(message === undefined ? {} : { message: message.slice(0, LIMITS.logLineChars) }) }
        sendProgress()
      },
      output(text) {
        if (signal.aborted || text === '') return
        if (said.length < LIMITS.outputChars) said += text
        unsent += text
        flushSoon()
      },
      log(level, line) {
        if (signal.aborted) return
        flush()
        send(APP_EVENTS.inferenceLog, { request_id: requestId, level, line: line.slice(0, LIMITS.logLineChars) })
      },
    },
    replay() {
      sendProgress()
      unsent = said
      flush()
    },
    end() {
      clearTimeout(pause)
      flush()
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
