import type { FastifyInstance } from 'fastify'
import { createSecretBody, secretParams } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { identityOf } from '../../identity.ts'

/** /api/v1/tokens: new ones are good for all spaces of the signed-in owner; the list has those of single spaces too. */
export function ownerTokenRoutes(app: FastifyInstance, { accounts: { connectTokens } }: Services): void {
  app.get('/api/v1/tokens', async (request) => ({ items: await connectTokens.listOfOwner(identityOf(request).userId) }))

  app.post('/api/v1/tokens', async (request, reply) => {
    const { userId } = identityOf(request)
    const { name } = parse(createSecretBody, request.body)
    const created = await connectTokens.create({ ownerId: userId, space: null }, name)
    return reply.status(201).header('cache-control', 'no-store').send(created)
  })

  app.delete('/api/v1/tokens/:id', async (request, reply) => {
    const { userId } = identityOf(request)
    const { id } = parse(secretParams, request.params)
    await connectTokens.revoke({ id, ownerId: userId })
    return reply.status(204).send()
  })
}
