import type { Role } from '@websocket-spaces/protocol'
import type { Auth } from './auth.ts'

export interface NewUser {
  readonly id?: string
  readonly username: string
  readonly password: string
  readonly role: Role
}

/**
 * better-auth wants an e-mail address of everybody; this one can never receive anything (RFC 2606).
 * Dots, which an address may not have in every place, become `+`, which a username never has.
 */
export function syntheticEmail(username: string): string {
  return `${username.toLowerCase().replaceAll('.', '+')}@users.invalid`
}

/** Adds an account without signing it in. */
export async function addUser(auth: Auth, { id, username, password, role }: NewUser): Promise<void> {
  const context = await auth.$context
  const hash = await context.password.hash(password)
  const names = { username, displayUsername: username, name: username, email: syntheticEmail(username), emailVerified: false }
  const user = await context.internalAdapter.createUser({ ...(id === undefined ? {} : { id }), ...names, role }, { method: 'admin' })
  await context.internalAdapter.linkAccount({ userId: user.id, providerId: 'credential', accountId: user.id, password: hash })
}

/** Replaces a password and ends all sessions of the user. */
export async function setPassword(auth: Auth, userId: string, password: string): Promise<void> {
  const { internalAdapter, password: hasher } = await auth.$context
  const hash = await hasher.hash(password)
  // In this order, so that a sign-in with the old password in between is ended as well.
  await internalAdapter.updatePassword(userId, hash)
  await internalAdapter.deleteUserSessions(userId)
}

export async function hasPassword(auth: Auth, userId: string, password: string): Promise<boolean> {
  const { internalAdapter, password: hasher } = await auth.$context
  const account = await internalAdapter.findCredentialAccount(userId)
  if (account?.password === undefined || account.password === null) return false
  return hasher.verify({ hash: account.password, password })
}

export async function endSessions(auth: Auth, userId: string): Promise<void> {
  const { internalAdapter } = await auth.$context
  await internalAdapter.deleteUserSessions(userId)
}
