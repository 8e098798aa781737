import type { FastifyInstance } from 'fastify'
import { listUsersQuery, SpacesError, updateUserBody, userParams } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { adminOf } from '../../identity.ts'

/** /api/v1/admin/users: find users; set role, ban and password. */
export function adminUserRoutes(app: FastifyInstance, { accounts: { users } }: Services): void {
  app.get('/api/v1/admin/users', async (request) => {
    adminOf(request)
    return users.list(parse(listUsersQuery, request.query))
  })

  app.patch('/api/v1/admin/users/:id', async (request) => {
    const admin = adminOf(request)
    // A leaked key must not become the admin's password, or make others admins.
    if (admin.via !== 'session') throw new SpacesError('forbidden')
    const { id } = parse(userParams, request.params)
    const { password, ...standing } = parse(updateUserBody, request.body)
    const view = await users.update(id, { ...standing, ...(password === undefined ? {} : { password }) })
    request.log.info({ admin: admin.username, user: view.username, ...standing, new_password: password !== undefined }, 'user changed')
    return view
  })
}
