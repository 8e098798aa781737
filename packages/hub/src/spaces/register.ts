import {
  DEFAULTS,
  inputProblem,
  type LeasedRequest,
  registerMessage,
  type SpaceReference,
  spaceReference,
  SpacesError,
} from '@websocket-spaces/protocol'
import type { z } from 'zod'
import type { Accounts } from '../accounts/accounts.ts'
import type { ConnectToken } from '../accounts/connect-tokens.ts'
import { isListedFor } from './access.ts'
import type { Connection } from './connections.ts'
import type { SpaceStore, StoredSpace } from './ports.ts'

export interface Registration {
  readonly space: StoredSpace
  readonly terms: Pick<Connection, 'tokenId' | 'instance' | 'app' | 'renews' | 'sdk' | 'concurrency' | 'prefetch'>
  /** What the app says it still holds. */
  readonly named: readonly LeasedRequest[]
  /** Throws `space_not_found`, `token_required` or `token_revoked` when the app may no longer stay. */
  readonly checkAgain: () => Promise<void>
}

export interface Handshake {
  readonly token: string | undefined
  readonly address: string
}

/**
 * Decides whether an app may serve the space it names. The handshake's token came with the socket
 * (Socket.IO `auth`, or `?token=` in the address), as apps of the older kind carry it.
 * Throws `invalid_input`, `token_…`, `space_not_found`, `space_ambiguous`.
 */
export async function register(
  deps: { readonly store: Pick<SpaceStore, 'find' | 'findByName' | 'allNamed'>; readonly accounts: Pick<Accounts, 'connectTokens'> },
  raw: unknown,
  { token: handshakeToken, address }: Handshake,
): Promise<Registration> {
  const message = registerMessage.safeParse(raw)
  if (!message.success) throw unreadable(raw, message.error)
  const { space_name, instance_id, concurrency, prefetch, sdk, resume } = message.data
  const secret = message.data.token ?? handshakeToken
  const token = secret === undefined ? null : await deps.accounts.connectTokens.find(secret)
  if (secret !== undefined && token === null) throw new SpacesError('token_invalid')
  const space = await resolve(deps.store, space_name, token)
  assertTokenCovers(space, token)
  return {
    space,
    terms: {
      tokenId: token?.id ?? null,
      instance: instance_id ?? null,
      app: JSON.stringify([token?.id ?? null, instance_id ?? null, ...(instance_id === undefined ? [address] : [])]),
      renews: resume !== undefined,
      sdk: sdk ?? null,
      concurrency: concurrency ?? DEFAULTS.undeclaredConcurrency,
      prefetch: prefetch ?? (concurrency === undefined ? DEFAULTS.undeclaredPrefetch : 0),
    },
    named: resume ?? [],
    async checkAgain() {
      const current = await deps.store.find(space.id)
      if (current === null) throw new SpacesError('space_not_found', { name: space.name })
      if (secret === undefined) {
        if (!current.openRegistration) throw new SpacesError('token_required')
      } else if ((await deps.accounts.connectTokens.find(secret)) === null) throw new SpacesError('token_revoked')
    },
  }
}

/** A name of the wrong form is answered like any other name that is not there. */
function unreadable(raw: unknown, error: z.ZodError): SpacesError {
  const issue = error.issues[0]
  const field = issue?.path.join('.') ?? ''
  if (issue !== undefined && field !== 'space_name') {
    return new SpacesError('invalid_input', { field: field === '' ? 'register' : field, problem: inputProblem(issue, 'en') })
  }
  const name = typeof raw === 'object' && raw !== null && 'space_name' in raw ? String(raw.space_name).slice(0, 100) : ''
  return new SpacesError('space_not_found', { name })
}

async function resolve(store: Pick<SpaceStore, 'findByName' | 'allNamed'>, text: string, token: ConnectToken | null): Promise<StoredSpace> {
  const reference = spaceReference.safeParse(text)
  const candidates = reference.success ? await candidatesFor(store, reference.data, token) : []
  const [only, ...others] = candidates
  if (only === undefined) throw new SpacesError(token === null ? 'token_required' : 'space_not_found', { name: text })
  if (others.length > 0) throw new SpacesError('space_ambiguous', { name: text })
  return only
}

/** The spaces a name may mean to this caller; what is hidden from them does not count. */
async function candidatesFor(
  store: Pick<SpaceStore, 'findByName' | 'allNamed'>,
  { owner, name }: Partial<SpaceReference> & { name: string },
  token: ConnectToken | null,
) {
  if (owner !== undefined) {
    const space = await store.findByName(owner, name)
    const known = space !== null && (space.openRegistration || token?.ownerRole === 'admin' || isListedFor(space, token?.ownerId ?? null))
    return known ? [space] : []
  }
  const named = await store.allNamed(name)
  return named.filter((space) => space.openRegistration || isListedFor(space, token?.ownerId ?? null))
}

function assertTokenCovers(space: StoredSpace, token: ConnectToken | null): void {
  if (space.openRegistration) return
  if (token === null) throw new SpacesError('token_required')
  const covers = token.spaceId === null ? token.ownerId === space.ownerId : token.spaceId === space.id
  if (!covers) throw new SpacesError('token_mismatch', { name: space.name })
}
