import { randomUUID } from 'node:crypto'
import type { RequestId } from '@websocket-spaces/protocol'

const PER_MILLISECOND = 0x1000
/** The version, before the counter. */
const VERSION_7 = 0x7000
let last = 0
let count = 0
/** `last` in the words of an id. */
let time = ''

/**
 * A UUIDv7 greater than any made here before: milliseconds, then a counter within them, then random bits.
 * Its randomness comes from `randomUUID`, which draws it for many ids at once.
 */
export function newRequestId(): RequestId {
  const now = Date.now()
  count += 1
  // A clock that was set back, or more ids than a millisecond holds: time goes on from where it was.
  if (now > last || count === PER_MILLISECOND) {
    last = Math.max(now, last + 1)
    count = 0
    const hex = last.toString(16).padStart(12, '0')
    time = `${hex.slice(0, 8)}-${hex.slice(8)}`
  }
  // Not parsed: whatever this makes is one.
  return `${time}-${(VERSION_7 + count).toString(16)}-${randomUUID().slice(19)}` as RequestId
}
