import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { password, SpacesError } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { callerOf, setCookies } from './browser.ts'

const changePasswordBody = z.object({ currentPassword: z.string(), newPassword: password })

/** POST /api/auth/change-password: ends all sessions but this one, whose cookie is replaced. An API key is not enough. */
export function changePasswordRoute(app: FastifyInstance, { accounts }: Services): void {
  app.post('/api/auth/change-password', async (request, reply) => {
    const identity = await accounts.authenticate({ cookie: request.headers.cookie })
    if (identity === null) throw new SpacesError('not_signed_in')
    const body = parse(changePasswordBody, request.body)
    const { userId, cookies } = await accounts.changePassword(identity, body, callerOf(request))
    return setCookies(reply, cookies).send({ user: await accounts.me(userId) })
  })
}
