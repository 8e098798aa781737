import type { FastifyInstance } from 'fastify'
import { signUpBody } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { callerOf, setCookies } from './browser.ts'

/** POST /api/auth/sign-up/email: registers and signs in. */
export function signUpRoute(app: FastifyInstance, { accounts }: Services): void {
  app.post('/api/auth/sign-up/email', async (request, reply) => {
    const body = parse(signUpBody, request.body)
    const { userId, cookies } = await accounts.signUp(body, callerOf(request))
    return setCookies(reply, cookies).send({ user: await accounts.me(userId) })
  })
}
