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
}

/** A prompt that begins with `fail` is one the app cannot answer. */
export function answerTo(prompt: string): KnownAnswer {
  const hash = createHash('sha256').update(prompt).digest()
  const count = 2 + (hash.readUInt8(0) % 6)
  return {
    pieces: Array.from({ length: count }, (_, index) => `${index}·${hash.toString('hex', index, index + 4)} `),
    pause: 3 + (hash.readUInt8(1) % 25),
    text: hash.toString('hex'),
    fails: prompt.startsWith('fail'),
  }
}
