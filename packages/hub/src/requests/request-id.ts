import { randomUUID } from 'node:crypto'
import { requestId, type RequestId } from '@websocket-spaces/protocol'

const PER_MILLISECOND = 0x1000
let last = 0
let count = 0

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
  }
  const time = last.toString(16).padStart(12, '0')
  const within = count.toString(16).padStart(3, '0')
  return requestId.parse(`${time.slice(0, 8)}-${time.slice(8)}-7${within}-${randomUUID().slice(19)}`)
}
