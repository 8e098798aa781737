import type { FastifyInstance } from 'fastify'
import { hubSettings } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { adminOf } from '../../identity.ts'

/** /api/v1/admin/settings: who may register. */
export function adminSettingsRoutes(app: FastifyInstance, { accounts }: Services): void {
  app.get('/api/v1/admin/settings', async (request) => {
    adminOf(request)
    return accounts.settings()
  })

  app.put('/api/v1/admin/settings', async (request) => {
    const admin = adminOf(request)
    const settings = await accounts.updateSettings(parse(hubSettings, request.body))
    request.log.info({ admin: admin.username, ...settings }, 'settings changed')
    return settings
  })
}
