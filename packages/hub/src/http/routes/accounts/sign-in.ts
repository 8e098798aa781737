import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { callerOf, setCookies } from './browser.ts'

// No rules for either here: what no account can have is answered like a wrong password.
const signInBody = z.object({ username: z.string().trim(), password: z.string() })

/** POST /api/auth/sign-in/username: the answer sets the session cookie. */
export function signInRoute(app: FastifyInstance, { accounts }: Services): void {
  app.post('/api/auth/sign-in/username', async (request, reply) => {
    const body = parse(signInBody, request.body)
    const { userId, cookies } = await accounts.signIn(body, callerOf(request))
    return setCookies(reply, cookies).send({ user: await accounts.me(userId) })
  })
}
