import type { FastifyInstance } from 'fastify'
import { connectionId, requestParams, SpacesError } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { adminOf } from '../../identity.ts'

/** /api/v1/admin/connections: which apps are connected, and showing one out. */
export function adminConnectionRoutes(app: FastifyInstance, { connections, connectionViews }: Services): void {
  app.get('/api/v1/admin/connections', async (request) => {
    adminOf(request)
    return { connections: connectionViews() }
  })

  app.delete('/api/v1/admin/connections/:id', async (request, reply) => {
    const admin = adminOf(request)
    const connection = connections.get(connectionId.parse(parse(requestParams, request.params).id))
    if (connection === undefined) throw new SpacesError('not_found')
    request.log.info({ admin: admin.username, connection: connection.id, space: connection.space }, 'connection closed by admin')
    connection.link.close('forbidden', false)
    return reply.status(204).send()
  })
}
