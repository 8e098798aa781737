import { v7 as uuid } from 'uuid'
import { type InviteView, type SecretId, secretId, SpacesError } from '@websocket-spaces/protocol'
import type { InviteStore } from './ports.ts'
import { hashSecret, makeInviteCode } from './secret.ts'
import { inviteView } from './views.ts'

export interface NewInvite {
  readonly note: string
  readonly uses: number
  /** null = never. */
  readonly expires_in_days: number | null
}

export interface Invites {
  /** `code` is shown this once. Throws `too_many`. */
  create(invite: NewInvite): Promise<InviteView & { code: string }>
  list(): Promise<InviteView[]>
  /** Throws `not_found`. */
  revoke(id: SecretId): Promise<void>
  /** Throws `invite_required` when the code is missing, wrong, used up or expired. Takes nothing. */
  check(code: string | undefined): Promise<void>
  /** Runs `register` against one use of the code, which is given back when that throws. Throws `invite_required`. */
  spend<T>(code: string | undefined, register: () => Promise<T>): Promise<T>
}

const DAY = 24 * 60 * 60 * 1000
const MAX_INVITES = 1_000

export function createInvites(store: InviteStore, now: () => number): Invites {
  return {
    async create({ note, uses, expires_in_days: days }) {
      const { secret, hash, hint } = makeInviteCode()
      const expiresAt = days === null ? null : now() + days * DAY
      const invite = { id: secretId.parse(uuid()), note, hint, usesLeft: uses, createdAt: now(), expiresAt }
      if (!(await store.add({ ...invite, hash }, MAX_INVITES))) throw new SpacesError('too_many', { limit: MAX_INVITES })
      return { ...inviteView(invite), code: secret }
    },
    async list() {
      return (await store.list()).map(inviteView)
    },
    async revoke(id) {
      if (!(await store.remove(id))) throw new SpacesError('not_found')
    },
    async check(code) {
      if (code === undefined || !(await store.isValid(hashCode(code), now()))) throw new SpacesError('invite_required')
    },
    async spend(code, register) {
      const taken = code === undefined ? null : await store.take(hashCode(code), now())
      if (taken === null) throw new SpacesError('invite_required')
      try {
        return await register()
      } catch (error) {
        await store.giveBack(taken)
        throw error
      }
    },
  }
}

/** Codes are typed by hand: case and the spaces around them do not matter. */
function hashCode(code: string): string {
  return hashSecret(code.trim().toLowerCase())
}
