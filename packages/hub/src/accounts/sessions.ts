import { LRUCache } from 'lru-cache'
import { role as roleSchema, userId as userIdSchema } from '@websocket-spaces/protocol'
import type { Auth } from './auth.ts'
import { ADDRESS_HEADER } from './auth.ts'
import type { Caller, Identity } from './identity.ts'

export interface Sessions {
  /** Who the session cookie belongs to; null when there is none, it is wrong, expired, or its user is banned. */
  identify(cookie: string | undefined): Promise<Identity | null>
  /** Prolongs a session that is older than a day. Returns the cookies to set. */
  readonly renew: (caller: Caller) => Promise<string[]>
  /** Ends the session. Returns the cookies to set. */
  end(caller: Caller): Promise<string[]>
  /** Forgets what is cached about a user; what is being looked up right now is not cached either. */
  forget(userId: string): void
}

/** A session ended on another node is honoured this many milliseconds longer, at most. */
const CACHED_FOR = 5_000
const CACHED_SESSIONS = 10_000

export async function createSessions(auth: Auth): Promise<Sessions> {
  const { authCookies } = await auth.$context
  const cookieName = authCookies.sessionToken.name
  const cache = new LRUCache<string, Identity>({ max: CACHED_SESSIONS, ttl: CACHED_FOR })
  let generation = 0

  async function lookUp(cookie: string): Promise<Identity | null> {
    const found = await auth.api.getSession({ headers: new Headers({ cookie }), query: { disableRefresh: true } })
    if (found === null || found.user.banned === true) return null
    return {
      userId: userIdSchema.parse(found.user.id),
      username: found.user.displayUsername ?? found.user.name,
      role: roleSchema.catch('user').parse(found.user.role),
      via: 'session',
    }
  }

  return {
    async identify(header) {
      const value = readCookie(header, cookieName)
      if (value === undefined) return null
      const cached = cache.get(value)
      if (cached !== undefined) return cached
      const before = generation
      const identity = await lookUp(`${cookieName}=${value}`)
      // A ban or sign-out during the look-up must not be undone by caching what was read before it.
      if (identity !== null && before === generation) cache.set(value, identity)
      return identity
    },
    async renew(caller) {
      const { headers } = await auth.api.getSession({ headers: callerHeaders(caller), returnHeaders: true })
      return headers.getSetCookie()
    },
    async end(caller) {
      const { headers } = await auth.api.signOut({ headers: callerHeaders(caller), returnHeaders: true })
      return headers.getSetCookie()
    },
    forget(userId) {
      generation += 1
      for (const [key, identity] of cache.entries()) if (identity.userId === userId) cache.delete(key)
    },
  }
}

/** The headers better-auth is shown; nothing else a client sends reaches it. */
export function callerHeaders({ cookie, userAgent, address }: Caller): Headers {
  const headers = new Headers({ [ADDRESS_HEADER]: address })
  if (cookie !== undefined) headers.set('cookie', cookie)
  if (userAgent !== undefined) headers.set('user-agent', userAgent.slice(0, 512))
  return headers
}

function readCookie(header: string | undefined, name: string): string | undefined {
  const prefix = `${name}=`
  const pair = header?.split(';').find((part) => part.trimStart().startsWith(prefix))
  return pair?.trim().slice(prefix.length)
}
