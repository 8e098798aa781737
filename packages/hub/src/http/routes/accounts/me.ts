import type { FastifyInstance } from 'fastify'
import type { Services } from '../../../services.ts'
import { identityOf } from '../../identity.ts'
import { callerOf, setCookies } from './browser.ts'

/** GET /api/v1/me: the signed-in user. Every page starts with it, so it is also what prolongs sessions in use. */
export function meRoute(app: FastifyInstance, { accounts }: Services): void {
  app.get('/api/v1/me', async (request, reply) => {
    const { userId, via } = identityOf(request)
    const cookies = via === 'session' ? await accounts.renewSession(callerOf(request)) : []
    return setCookies(reply, cookies).send(await accounts.me(userId))
  })
}
