/** One way of a connection that may become a WebSocket (RFC 6455): finds its messages and repeats some of them. */
const HEAD_END = Buffer.from('\r\n\r\n')
const MOST_HEAD = 64 * 1024
const TEXT_WHOLE = 0x81

type State = 'head' | 'frames' | 'plain'

export class FrameDuplicator {
  readonly #isRepeated: (message: string) => boolean
  #state: State = 'head'
  /** Of the head, all so far; of frames, what came of the next. */
  #rest: Buffer = Buffer.alloc(0)
  /** A copy that comes later, after the frame that follows. */
  #late: Buffer | undefined
  #count = 0

  /** @param isRepeated asked for each text message that came in one frame */
  constructor(isRepeated: (message: string) => boolean) {
    this.#isRepeated = isRepeated
  }

  /** What goes on of what came in; bytes of an unfinished frame wait for the rest of it. */
  pass(chunk: Buffer): Buffer[] {
    switch (this.#state) {
      case 'plain':
        return [chunk]
      case 'head':
        return this.#passHead(chunk)
      case 'frames':
        this.#rest = Buffer.concat([this.#rest, chunk])
        return this.#passFrames()
    }
  }

  /** Nothing waits here: not all that comes is HTTP. */
  #passHead(chunk: Buffer): Buffer[] {
    const before = this.#rest.length
    this.#rest = Buffer.concat([this.#rest, chunk])
    const end = this.#rest.indexOf(HEAD_END)
    if (end < 0) {
      if (this.#rest.length > MOST_HEAD) this.#state = 'plain'
      return [chunk]
    }
    const headBytes = end + HEAD_END.length
    const isUpgrade = /^upgrade:\s*websocket/im.test(this.#rest.toString('latin1', 0, headBytes))
    this.#state = isUpgrade ? 'frames' : 'plain'
    this.#rest = isUpgrade ? this.#rest.subarray(headBytes) : Buffer.alloc(0)
    return isUpgrade ? [chunk.subarray(0, headBytes - before), ...this.#passFrames()] : [chunk]
  }

  #passFrames(): Buffer[] {
    const out: Buffer[] = []
    for (let frame = takeFrame(this.#rest); frame !== null; frame = takeFrame(this.#rest)) {
      this.#rest = this.#rest.subarray(frame.bytes.length)
      out.push(frame.bytes)
      if (this.#late !== undefined) out.push(this.#late)
      this.#late = undefined
      if (frame.text === null || !this.#isRepeated(frame.text)) continue
      this.#count += 1
      if (this.#count % 2 === 1) out.push(frame.bytes)
      else this.#late = frame.bytes
    }
    return out
  }
}

interface Frame {
  readonly bytes: Buffer
  readonly text: string | null
}

function takeFrame(bytes: Buffer): Frame | null {
  const [first, second] = bytes
  if (first === undefined || second === undefined) return null
  const masked = second >= 0x80
  const short = second & 0x7f
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
  const start = 2 + lengthBytes + (masked ? 4 : 0)
  if (bytes.length < start) return null
  const length = lengthBytes === 0 ? short : lengthBytes === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  if (bytes.length < start + length) return null
  const payload = bytes.subarray(start, start + length)
  const text = first === TEXT_WHOLE ? (masked ? unmask(payload, bytes.subarray(start - 4, start)) : payload).toString('utf8') : null
  return { bytes: bytes.subarray(0, start + length), text }
}

function unmask(payload: Buffer, mask: Buffer): Buffer {
  return Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)))
}
