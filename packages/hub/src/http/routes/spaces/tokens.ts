import type { FastifyInstance } from 'fastify'
import { createSecretBody, secretParams, spaceReferenceParams } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { identityOf } from '../../identity.ts'

const PATH = '/api/v1/spaces/:owner/:name/tokens'
const idParams = spaceReferenceParams.extend(secretParams.shape)

/** Connect tokens of one space. They belong to its owner, whoever of those who may edit it made them. */
export function spaceTokenRoutes(app: FastifyInstance, { catalog, accounts: { connectTokens } }: Services): void {
  app.get(PATH, async (request) => {
    const { owner, name } = parse(spaceReferenceParams, request.params)
    const space = await catalog.editable(owner, name, identityOf(request))
    return { items: await connectTokens.listOfSpace(space.id) }
  })

  app.post(PATH, async (request, reply) => {
    const { owner, name } = parse(spaceReferenceParams, request.params)
    const space = await catalog.editable(owner, name, identityOf(request))
    const scope = { ownerId: space.ownerId, space: { id: space.id, fullName: `${space.owner}/${space.name}` } }
    const created = await connectTokens.create(scope, parse(createSecretBody, request.body).name)
    return reply.status(201).header('cache-control', 'no-store').send(created)
  })

  app.delete(`${PATH}/:id`, async (request, reply) => {
    const { owner, name, id } = parse(idParams, request.params)
    const space = await catalog.editable(owner, name, identityOf(request))
    await connectTokens.revoke({ id, spaceId: space.id })
    return reply.status(204).send()
  })
}
