import { APP_EVENTS, LIMITS } from '@websocket-spaces/protocol'
import type { RunContext } from './types.ts'

export interface RunOutput {
  readonly context: RunContext
  /** Says again what was said so far: to the hub, an adopted run is a new attempt. */
  replay(): void
}

/** What a handler says while it runs, and the memory of it (bounded like the hub's own). */
export function createContext(requestId: string, signal: AbortSignal, send: (event: string, message: object) => void): RunOutput {
  let said = ''
  let lastProgress: { progress: number; message?: string } | undefined

  const sendProgress = () => {
    if (lastProgress !== undefined) send(APP_EVENTS.inferenceProgress, { request_id: requestId, ...lastProgress })
  }
  const sendOutput = (text: string) => {
    for (const piece of pieces(text)) send(APP_EVENTS.inferenceOutput, { request_id: requestId, text: piece })
  }

  return {
    context: {
      signal,
      progress(fraction, message) {
        if (signal.aborted || Number.isNaN(fraction)) return
        const progress = Math.min(1, Math.max(0, fraction))
        lastProgress = { progress, ...(message === undefined ? {} : { message: message.slice(0, LIMITS.logLineChars) }) }
        sendProgress()
      },
      output(text) {
        if (signal.aborted || text === '') return
        if (said.length < LIMITS.outputChars) said += text
        sendOutput(text)
      },
      log(level, line) {
        if (signal.aborted) return
        send(APP_EVENTS.inferenceLog, { request_id: requestId, level, line: line.slice(0, LIMITS.logLineChars) })
      },
    },
    replay() {
      sendProgress()
      sendOutput(said)
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
