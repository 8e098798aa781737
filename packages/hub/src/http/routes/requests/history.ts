import type { FastifyInstance } from 'fastify'
import { listRequestsQuery, spaceReferenceParams, SpacesError } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { canEdit } from '../../../spaces/access.ts'
import { parse } from '../../errors.ts'
import { identityOf } from '../../identity.ts'

/** Requests, newest first: mine everywhere, or those of a space. */
export function historyRoutes(app: FastifyInstance, { catalog, requests }: Services): void {
  app.get('/api/v1/requests', async (request) => {
    const query = parse(listRequestsQuery, request.query)
    return requests.list({ userId: identityOf(request).userId }, query)
  })

  app.get('/api/v1/spaces/:owner/:name/requests', async (request) => {
    const { owner, name } = parse(spaceReferenceParams, request.params)
    const query = parse(listRequestsQuery, request.query)
    const identity = identityOf(request)
    const space = await catalog.find(owner, name, identity)
    if (!query.mine && !canEdit(space, identity)) throw new SpacesError('forbidden')
    return requests.list({ spaceId: space.id, ...(query.mine ? { userId: identity.userId } : {}) }, query)
  })
}
