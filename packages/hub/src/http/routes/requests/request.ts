import type { FastifyInstance } from 'fastify'
import { requestId, requestParams } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { identityOf } from '../../identity.ts'

/** One request: read it, cancel it. */
export function requestRoutes(app: FastifyInstance, { requests }: Services): void {
  app.get('/api/v1/requests/:id', async (request) => {
    const { id } = parse(requestParams, request.params)
    return requests.view(requestId.parse(id), identityOf(request))
  })

  app.post('/api/v1/requests/:id/cancel', async (request) => {
    const { id } = parse(requestParams, request.params)
    const view = await requests.cancel(requestId.parse(id), identityOf(request))
    request.log.info({ canceled: id }, 'request canceled')
    return view
  })
}
