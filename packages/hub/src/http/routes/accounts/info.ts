import type { FastifyInstance } from 'fastify'
import type { HubInfo } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { HUB_NAME, VERSION } from '../../../version.ts'

/** GET /api/v1/info: what a page needs before anyone is signed in. */
export function infoRoute(app: FastifyInstance, { accounts, config }: Services): void {
  app.get('/api/v1/info', { config: { anonymous: true } }, async (): Promise<HubInfo> => {
    return { name: HUB_NAME, version: VERSION, registration: await accounts.registrationMode(), retention_days: config.retentionDays }
  })
}
