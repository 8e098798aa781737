import { createHash } from 'node:crypto'

/** What the apps make of a prompt, known beforehand. */
export interface KnownAnswer {
  /** Streamed one after the other. */
  readonly pieces: readonly string[]
  /** Milliseconds before each piece. */
  readonly pause: number
  /** `text_output` of the result, or what the error says. */
  readonly text: string
  readonly fails: boolean
  /** So long that somebody has to stop it. */
  readonly endless: boolean
}

/** Together longer than everything is given to come to its end. */
const ENDLESS_PIECES = 400
const ENDLESS_PAUSE = 250

/** A prompt that begins with `fail` is one the app cannot answer, one with `slow` takes until it is canceled. */
export function answerTo(prompt: string): KnownAnswer {
  const hash = createHash('sha256').update(prompt).digest()
  const endless = prompt.startsWith('slow')
  const count = endless ? ENDLESS_PIECES : 2 + (hash.readUInt8(0) % 6)
  return {
    pieces: Array.from({ length: count }, (_, index) => `${index}·${hash.toString('hex', index % 28, (index % 28) + 4)} `),
    pause: endless ? ENDLESS_PAUSE : 3 + (hash.readUInt8(1) % 25),
    text: hash.toString('hex'),
    fails: prompt.startsWith('fail'),
    endless,
  }
}
