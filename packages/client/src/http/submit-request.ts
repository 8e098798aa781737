import { requestView, SpacesError, type Priority, type RequestInput, type RequestView } from '@websocket-spaces/protocol'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createBackoff } from '../backoff.ts'
import { HubUnreachable } from '../hub-unreachable.ts'
import type { HubHttp } from './hub-http.ts'
import { spacePath } from './space-path.ts'

export interface SubmitOptions {
  /** Hold the call until the request is finished, at most this many seconds; 60 are the most a hub waits. */
  readonly waitSeconds?: number
  readonly signal?: AbortSignal | undefined
  /** `normal` by default; `high` is for the owner of the space and admins. */
  readonly priority?: Priority | undefined
  /** Submits with one key are one request, also across calls and programs; each call makes its own by default. */
  readonly idempotencyKey?: string | undefined
  /** Milliseconds after the first lost answer at which it is not sent again; 30 s by default. */
  readonly giveUpAfterMs?: number
  /** Called before it is sent again, with why. */
  readonly onRetry?: (error: unknown) => void
}

const MAX_WAIT_SECONDS = 60
const GIVE_UP_AFTER_MS = 30_000
const LONGEST_PAUSE_MS = 4_000

/**
 * Sends a request until the hub answers. A lost answer may be that of a hub which had accepted it:
 * the key makes every repetition the same request.
 * @throws HubRefusal, and HubUnreachable when the hub stays away.
 */
export async function submitRequest(
  http: HubHttp,
  reference: string,
  input: RequestInput,
  options: SubmitOptions = {},
): Promise<RequestView> {
  const path = `${spacePath(reference)}/requests`
  const key = options.idempotencyKey ?? randomUUID()
  const backoff = createBackoff({ ceiling: LONGEST_PAUSE_MS })
  const waitUntil = Date.now() + Math.min(options.waitSeconds ?? 0, MAX_WAIT_SECONDS) * 1_000
  let lostAt: number | undefined
  for (;;) {
    const wait = Math.ceil((waitUntil - Date.now()) / 1_000)
    try {
      return await http.json('POST', path, requestView, {
        body: { input, ...(options.priority === undefined ? {} : { priority: options.priority }) },
        signal: options.signal,
        headers: { 'idempotency-key': key, ...(wait > 0 ? { prefer: `wait=${wait}` } : {}) },
        ...(wait > 0 ? { timeoutMs: wait * 1_000 + 30_000 } : {}),
      })
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!mayPass(error, lostAt !== undefined)) throw error
      lostAt ??= Date.now()
      if (Date.now() - lostAt >= (options.giveUpAfterMs ?? GIVE_UP_AFTER_MS)) throw error
      options.onRetry?.(error)
    }
    await delay(backoff.next(), undefined, { signal: options.signal })
  }
}

/** What a hub's restart looks like from here: gone, going, or back before its apps are. */
function mayPass(error: unknown, wasLost: boolean): boolean {
  if (error instanceof HubUnreachable) return !['certificate', 'unknown_host', 'not_a_hub'].includes(error.why)
  if (!(error instanceof SpacesError)) return false
  return error.code === 'shutting_down' || (error.code === 'app_not_connected' && wasLost)
}
