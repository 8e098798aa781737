import type { FastifyInstance } from 'fastify'
import type { Overview } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { adminOf } from '../../identity.ts'

const DAY = 86_400_000

/** GET /api/v1/admin/overview: the hub in six numbers. `finished_today` counts from midnight, UTC. */
export function adminOverviewRoute(app: FastifyInstance, services: Services): void {
  app.get('/api/v1/admin/overview', async (request): Promise<Overview> => {
    adminOf(request)
    const now = Date.now()
    const { queued, processing, finished } = await services.requests.totals(now - (now % DAY))
    return {
      users: await services.accounts.users.count(),
      spaces: await services.catalog.count(),
      connections: (await services.presence.all()).length,
      queued,
      processing,
      finished_today: finished,
    }
  })
}
