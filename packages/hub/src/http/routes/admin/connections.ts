import type { FastifyInstance } from 'fastify'
import { connectionId, requestParams, SpacesError } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { adminOf } from '../../identity.ts'

/** /api/v1/admin/connections: which apps are connected, and showing one out. */
export function adminConnectionRoutes(app: FastifyInstance, { presence, closeConnections }: Services): void {
  app.get('/api/v1/admin/connections', async (request) => {
    adminOf(request)
    return { connections: await presence.all() }
  })

  app.delete('/api/v1/admin/connections/:id', async (request, reply) => {
    const admin = adminOf(request)
    const id = connectionId.parse(parse(requestParams, request.params).id)
    if (!(await presence.showOut(id))) throw new SpacesError('not_found')
    request.log.info({ admin: admin.username, connection: id }, 'connection closed by admin')
    closeConnections({ connectionId: id }, 'forbidden')
    return reply.status(204).send()
  })
}
