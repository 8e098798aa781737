import { isIPv6 } from 'node:net'
import { LRUCache } from 'lru-cache'
import { SpacesError } from '@websocket-spaces/protocol'

export interface Throttle {
  /** Counts one try. Throws `rate_limited`, uncounted, when the key has used up its tries. */
  take(key: string): void
  /** Takes the newest try back: it turned out to be a good one. */
  giveBack(key: string): void
}

export interface ThrottleRule {
  readonly max: number
  /** Milliseconds from a key's first try to its clean slate. */
  readonly window: number
}

/** Keys remembered at once; the least recently seen is forgotten first. */
const KEYS = 20_000

export function createThrottle(rule: ThrottleRule, now: () => number): Throttle {
  const windows = new LRUCache<string, { count: number; until: number }>({ max: KEYS })

  function current(key: string): { count: number; until: number } {
    const known = windows.get(key)
    if (known !== undefined && known.until > now()) return known
    const fresh = { count: 0, until: now() + rule.window }
    windows.set(key, fresh)
    return fresh
  }

  return {
    take(key) {
      const window = current(key)
      if (window.count >= rule.max) throw new SpacesError('rate_limited', { wait: Math.ceil((window.until - now()) / 1000) })
      window.count += 1
    },
    giveBack(key) {
      const window = current(key)
      if (window.count > 0) window.count -= 1
    },
  }
}

/** One bucket per client: an IPv6 customer has a whole /64 to try from, and IPv4 may come dressed as IPv6. */
export function addressBucket(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1] !== undefined) return mapped[1]
  if (!isIPv6(address)) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const middle = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  const groups = [...left, ...middle, ...right].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''))
  return `${groups.join(':')}::/64`
}
