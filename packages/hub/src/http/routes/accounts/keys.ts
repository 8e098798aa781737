import type { FastifyInstance } from 'fastify'
import { createSecretBody, secretParams } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { identityOf } from '../../identity.ts'

/** /api/v1/keys: API keys of the signed-in user. */
export function keyRoutes(app: FastifyInstance, { accounts: { apiKeys } }: Services): void {
  app.get('/api/v1/keys', async (request) => ({ items: await apiKeys.list(identityOf(request)) }))

  app.post('/api/v1/keys', async (request, reply) => {
    const identity = identityOf(request)
    const { name } = parse(createSecretBody, request.body)
    return reply
      .status(201)
      .header('cache-control', 'no-store')
      .send(await apiKeys.create(identity, name))
  })

  app.delete('/api/v1/keys/:id', async (request, reply) => {
    const identity = identityOf(request)
    const { id } = parse(secretParams, request.params)
    await apiKeys.revoke(identity, id)
    return reply.status(204).send()
  })
}
