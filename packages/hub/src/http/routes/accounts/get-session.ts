import type { FastifyInstance } from 'fastify'
import type { Services } from '../../../services.ts'
import { callerOf, setCookies } from './browser.ts'

/** GET /api/auth/get-session: `{ user }`, or `null` when nobody is signed in. Prolongs the session. */
export function getSessionRoute(app: FastifyInstance, { accounts }: Services): void {
  app.get('/api/auth/get-session', async (request, reply) => {
    const identity = await accounts.authenticate({ cookie: request.headers.cookie })
    const body = identity === null ? null : { user: await accounts.me(identity.userId) }
    return setCookies(reply, identity === null ? [] : await accounts.renewSession(callerOf(request)))
      .type('application/json; charset=utf-8')
      .send(JSON.stringify(body))
  })
}
