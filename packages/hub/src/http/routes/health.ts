import type { FastifyInstance } from 'fastify'
import type { Services } from '../../services.ts'

export function healthRoutes(app: FastifyInstance, _services: Services): void {
  app.get('/healthz', () => ({ status: 'ok' }))
}
