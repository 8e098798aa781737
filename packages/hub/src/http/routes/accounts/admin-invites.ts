import type { FastifyInstance } from 'fastify'
import { createInviteBody, secretParams } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { adminOf } from '../../identity.ts'

/** /api/v1/admin/invites: codes to register with. */
export function adminInviteRoutes(app: FastifyInstance, { accounts: { invites } }: Services): void {
  app.get('/api/v1/admin/invites', async (request) => {
    adminOf(request)
    return { items: await invites.list() }
  })

  app.post('/api/v1/admin/invites', async (request, reply) => {
    adminOf(request)
    const created = await invites.create(parse(createInviteBody, request.body ?? {}))
    return reply.status(201).header('cache-control', 'no-store').send(created)
  })

  app.delete('/api/v1/admin/invites/:id', async (request, reply) => {
    adminOf(request)
    const { id } = parse(secretParams, request.params)
    await invites.revoke(id)
    return reply.status(204).send()
  })
}
