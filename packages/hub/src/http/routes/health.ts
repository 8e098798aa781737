import type { FastifyInstance } from 'fastify'
import type { Services } from '../../services.ts'

/** For load balancers and monitors: `/healthz` = the process answers; `/readyz` = it also takes work. */
export function healthRoutes(app: FastifyInstance, { isReady }: Services): void {
  app.get('/healthz', { logLevel: 'silent' }, async () => ({ status: 'ok' }))

  app.get('/readyz', { logLevel: 'silent' }, async (_request, reply) => {
    const ready = await isReady()
    return reply.status(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' })
  })
}
