import { role as roleSchema, userId as userIdSchema } from '@websocket-spaces/protocol'
import type { Auth } from './auth.ts'
import { ADDRESS_HEADER } from './auth.ts'
import type { Caller, Identity } from './identity.ts'
import { createIdentityCache, type Proven } from './identity-cache.ts'

export interface Sessions {
  /** Who the session cookie belongs to; null when there is none, it is wrong, expired, or its user is banned. */
  identify(cookie: string | undefined): Promise<Identity | null>
  /** Prolongs a session that is older than a day. Returns the cookies to set. */
  readonly renew: (caller: Caller) => Promise<string[]>
  /** Ends the session. Returns the cookies to set. */
  end(caller: Caller): Promise<string[]>
  /** Forgets what is cached about a user. */
  forget(userId: string): void
}

export async function createSessions(auth: Auth): Promise<Sessions> {
  const { authCookies } = await auth.$context
  const cookieName = authCookies.sessionToken.name
  const cache = createIdentityCache()

  return {
    async identify(header) {
      const value = readCookie(header, cookieName)
      if (value === undefined) return null
      const proven = await cache.find(value, () => lookUp(auth, `${cookieName}=${value}`))
      return proven?.identity ?? null
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
      cache.forget(({ identity }) => identity.userId === userId)
    },
  }
}

async function lookUp(auth: Auth, cookie: string): Promise<Proven | null> {
  const found = await auth.api.getSession({ headers: new Headers({ cookie }), query: { disableRefresh: true } })
  if (found === null || found.user.banned === true) return null
  const { id, displayUsername, name, role } = found.user
  const identity: Identity = {
    userId: userIdSchema.parse(id),
    username: displayUsername ?? name,
    role: roleSchema.catch('user').parse(role),
    via: 'session',
  }
  return { identity, secretId: null }
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
