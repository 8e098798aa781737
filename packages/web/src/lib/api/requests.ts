import { requestPage, requestView } from '@websocket-spaces/protocol'
import type { Priority, RequestPage, RequestView } from '@websocket-spaces/protocol'
import { call, spacePath, withQuery } from './http.ts'

/** Long enough for the longest prompt over a slow line. */
const SUBMIT_MS = 60_000

export interface Asked {
  readonly prompt: string
  readonly priority: Priority
}

/** Submits under one `key` are one request, however many arrive. */
export function submitRequest(owner: string, name: string, { prompt, priority }: Asked, key: string): Promise<RequestView> {
  const extra = { headers: { 'idempotency-key': key }, timeoutMs: SUBMIT_MS }
  return call('POST', spacePath(owner, name, '/requests'), requestView, { input: { prompt }, priority }, extra)
}

export function fetchRequest(id: string): Promise<RequestView> {
  return call('GET', `/api/v1/requests/${encodeURIComponent(id)}`, requestView)
}

export function cancelRequest(id: string): Promise<RequestView> {
  return call('POST', `/api/v1/requests/${encodeURIComponent(id)}/cancel`, requestView, {})
}

/** Newest first, the signed-in user's own. */
export function listMyRequests(cursor?: string): Promise<RequestPage> {
  return call('GET', withQuery('/api/v1/requests', { cursor, limit: 30 }), requestPage)
}

export function listSpaceRequests(owner: string, name: string, limit: number): Promise<RequestPage> {
  return call('GET', withQuery(spacePath(owner, name, '/requests'), { limit }), requestPage)
}
