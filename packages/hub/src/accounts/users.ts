import { SpacesError, type UpdateUserBody, type UserId, type UserPage, type UserView } from '@websocket-spaces/protocol'
import type { Auth } from './auth.ts'
import { endSessions, setPassword } from './passwords.ts'
import { makePassword } from './secret.ts'
import type { UserDirectory } from './ports.ts'

export interface UserAdministration {
  /** In the order of usernames. `cursor` is the `next` of the page before. */
  list(query: { readonly search?: string | undefined; readonly cursor?: string | undefined; readonly limit: number }): Promise<UserPage>
  count(): Promise<number>
  /** Gives the user a new, generated password and ends their sessions. Throws `not_found`. */
  resetPassword(username: string): Promise<string>
  /** Throws `not_found`, or `last_admin` when nobody could administer the hub any more. */
  update(id: UserId, change: UpdateUserBody): Promise<UserView>
}

export interface UserAdministrationOptions {
  readonly auth: Auth
  readonly users: UserDirectory
  /** Whatever is cached about the user is stale, and open sockets must prove themselves again. */
  readonly onChanged: (id: UserId) => void
  readonly onBanned: (id: UserId) => Promise<void>
  readonly onPasswordChanged: (id: UserId) => Promise<void>
}

export function createUserAdministration(options: UserAdministrationOptions): UserAdministration {
  const { auth, users, onChanged, onBanned, onPasswordChanged } = options

  async function changeStanding(id: UserId, { role, banned }: UpdateUserBody): Promise<void> {
    const change = { ...(role === undefined ? {} : { role }), ...(banned === undefined ? {} : { banned }) }
    if (!(await users.update(id, change))) throw new SpacesError('last_admin')
    onChanged(id)
    if (banned !== true) return
    await endSessions(auth, id)
    await onBanned(id)
  }

  async function replacePassword(id: UserId, password: string): Promise<void> {
    await setPassword(auth, id, password)
    onChanged(id)
    await onPasswordChanged(id)
  }

  return {
    async list({ search = '', cursor = '', limit }) {
      const found = await users.page({ search, after: cursor, limit: limit + 1 })
      const page = found.slice(0, limit)
      return { users: page, next: found.length > limit ? (page.at(-1)?.username.toLowerCase() ?? null) : null }
    },
    count: () => users.count(),
    async resetPassword(username) {
      const user = await users.findByName(username)
      if (user === null) throw new SpacesError('not_found')
      const password = makePassword()
      await replacePassword(user.id, password)
      return password
    },
    async update(id, change) {
      if ((await users.find(id)) === null) throw new SpacesError('not_found')
      if (change.role !== undefined || change.banned !== undefined) await changeStanding(id, change)
      if (change.password !== undefined) await replacePassword(id, change.password)
      const view = await users.view(id)
      if (view === null) throw new SpacesError('not_found')
      return view
    },
  }
}
