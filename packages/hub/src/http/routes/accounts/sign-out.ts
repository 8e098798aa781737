import type { FastifyInstance } from 'fastify'
import type { Services } from '../../../services.ts'
import { callerOf, setCookies } from './browser.ts'

/** POST /api/auth/sign-out: ends this session and clears its cookie; doing it twice is no error. */
export function signOutRoute(app: FastifyInstance, { accounts }: Services): void {
  app.post('/api/auth/sign-out', async (request, reply) => setCookies(reply, await accounts.signOut(callerOf(request))).send({}))
}
