import type { FastifyInstance, FastifyRequest } from 'fastify'
import { createSecretBody, secretParams, spaceReferenceParams } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import type { StoredSpace } from '../../../spaces/ports.ts'
import { parse } from '../../errors.ts'
import { identityOf } from '../../identity.ts'

const TOKENS = '/api/v1/spaces/:owner/:name/tokens'

/** Connect tokens of one space, for its owner and admins. They are the owner's, whoever makes them. */
export function spaceTokenRoutes(app: FastifyInstance, { accounts: { connectTokens }, catalog }: Services): void {
  async function spaceOf(request: FastifyRequest): Promise<StoredSpace> {
    const identity = identityOf(request)
    const { owner, name } = parse(spaceReferenceParams, request.params)
    return catalog.editable(owner, name, identity)
  }

  app.get(TOKENS, async (request) => ({ items: await connectTokens.listOfSpace((await spaceOf(request)).id) }))

  app.post(TOKENS, async (request, reply) => {
    const { id, ownerId, owner, name: spaceName } = await spaceOf(request)
    const { name } = parse(createSecretBody, request.body)
    const created = await connectTokens.create({ ownerId, space: { id, fullName: `${owner}/${spaceName}` } }, name)
    return reply.status(201).header('cache-control', 'no-store').send(created)
  })

  app.delete(`${TOKENS}/:id`, async (request, reply) => {
    const { id: spaceId } = await spaceOf(request)
    const { id } = parse(secretParams, request.params)
    await connectTokens.revoke({ id, spaceId })
    return reply.status(204).send()
  })
}
