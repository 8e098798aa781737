/** Who is signed in, and what the hub tells everyone. */
import type { HubInfo, Me } from '@websocket-spaces/protocol'
import { fetchInfo, fetchMe, signIn, signOut, signUp } from '#lib/api/accounts.ts'
import { hasCode } from '#lib/api/errors.ts'
import { onSignedOut } from '#lib/api/http.ts'
import { closeLive, openLive } from '#lib/live/socket.svelte.ts'

const RETRY_MS = 1_500

type SessionState =
  | { kind: 'loading' }
  /** The hub could not be asked yet; it is asked again until it answers. */
  | { kind: 'unreachable' }
  /** `ended`: without having been asked to. */
  | { kind: 'signed_out'; ended: boolean }
  | { kind: 'signed_in'; me: Me }

let state = $state.raw<SessionState>({ kind: 'loading' })
let info = $state.raw<HubInfo>()
/** While someone signs out, nobody needs to be told that the session is over. */
let exiting = false

onSignedOut(() => foundSignedOut())

export function session(): SessionState {
  return state
}

/** The signed-in user, if any. */
export function currentUser(): Me | undefined {
  return state.kind === 'signed_in' ? state.me : undefined
}

/** Undefined until the hub has answered once. */
export function hub(): HubInfo | undefined {
  return info
}

/** Asks the hub who is signed in, until it answers. */
export async function startSession(): Promise<void> {
  try {
    const [fetched] = await Promise.all([fetchInfo(), refreshSession()])
    info = fetched
  } catch {
    state = { kind: 'unreachable' }
    setTimeout(() => void startSession(), RETRY_MS)
  }
}

/** Reads the signed-in user again. Throws when the hub cannot be asked. */
export async function refreshSession(): Promise<void> {
  try {
    const me = await fetchMe()
    state = { kind: 'signed_in', me }
    openLive(() => void refreshSession().catch(() => {}))
  } catch (error) {
    if (!hasCode(error, 'not_signed_in', 'banned')) throw error
    foundSignedOut()
  }
}

export async function enter(username: string, password: string): Promise<void> {
  await signIn(username, password)
  await refreshSession()
}

export async function register(username: string, password: string, invite: string): Promise<void> {
  await signUp(username, password, invite)
  await refreshSession()
  if (state.kind !== 'signed_in') await enter(username, password)
}

/** Signs out; `goHome` leaves the page first, so that the next sign-in does not lead back to it. */
export async function exit(goHome: () => Promise<void>): Promise<void> {
  exiting = true
  try {
    await signOut()
    await goHome()
    leave(false)
  } finally {
    exiting = false
  }
}

/** Calls may find it at the same time; the first to do so knows who was signed in. */
function foundSignedOut(): void {
  if (!exiting) leave(state.kind === 'signed_in' || (state.kind === 'signed_out' && state.ended))
}

function leave(ended: boolean): void {
  closeLive()
  state = { kind: 'signed_out', ended }
}
