import type { FastifyInstance, FastifyRequest } from 'fastify'
import { SpacesError } from '@websocket-spaces/protocol'
import type { Accounts } from '../accounts/accounts.ts'
import type { Identity } from '../accounts/identity.ts'

/** Every API route needs a signed-in user, unless it says `config: { anonymous: true }`. */
export function requireSignIn(app: FastifyInstance, accounts: Accounts): void {
  app.decorateRequest('identity', null)
  app.addHook('onRequest', async (request) => {
    // The route's own pattern: what the client wrote may spell the same path in other ways.
    const isApi = request.routeOptions.url?.startsWith('/api/v1/') === true
    if (!isApi || request.routeOptions.config.anonymous === true) return
    request.identity = await accounts.authenticate(request.headers)
    if (request.identity === null) throw new SpacesError('not_signed_in')
  })
}

/** Who is asking. Throws `not_signed_in`. */
export function identityOf(request: FastifyRequest): Identity {
  if (request.identity === null) throw new SpacesError('not_signed_in')
  return request.identity
}

/** Who is asking, if an admin. Throws `forbidden`. */
export function adminOf(request: FastifyRequest): Identity {
  const identity = identityOf(request)
  if (identity.role !== 'admin') throw new SpacesError('forbidden')
  return identity
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null where nobody needs to be signed in. */
    identity: Identity | null
  }

  interface FastifyContextConfig {
    /** Served to callers who are not signed in. */
    anonymous?: boolean
  }
}
