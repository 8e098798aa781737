import type { FastifyInstance } from 'fastify'
import { createSpaceBody, listSpacesQuery, spaceReferenceParams, updateSpaceBody } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { identityOf } from '../../identity.ts'

/** /api/v1/spaces: the gallery, and one's own spaces. */
export function spaceRoutes(app: FastifyInstance, { catalog }: Services): void {
  app.get('/api/v1/spaces', async (request) => catalog.list(parse(listSpacesQuery, request.query), identityOf(request)))

  app.post('/api/v1/spaces', async (request, reply) => {
    const space = await catalog.create(identityOf(request), parse(createSpaceBody, request.body))
    request.log.info({ space: `${space.owner}/${space.name}` }, 'space created')
    return reply.status(201).send(space)
  })

  app.get('/api/v1/spaces/:owner/:name', async (request) => {
    const { owner, name } = parse(spaceReferenceParams, request.params)
    const identity = identityOf(request)
    return catalog.view(await catalog.find(owner, name, identity), identity)
  })

  app.patch('/api/v1/spaces/:owner/:name', async (request) => {
    const { owner, name } = parse(spaceReferenceParams, request.params)
    const identity = identityOf(request)
    const space = await catalog.editable(owner, name, identity)
    return catalog.update(space, parse(updateSpaceBody, request.body), identity)
  })

  app.delete('/api/v1/spaces/:owner/:name', async (request, reply) => {
    const { owner, name } = parse(spaceReferenceParams, request.params)
    await catalog.remove(await catalog.editable(owner, name, identityOf(request)))
    request.log.info({ space: `${owner}/${name}` }, 'space deleted')
    return reply.status(204).send()
  })
}
