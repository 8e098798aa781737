/** The one place that calls `fetch`: language, JSON, and errors become one of two classes. */
import { errorBody } from '@websocket-spaces/protocol'
import type { z } from 'zod'
import { untrack } from 'svelte'
import { languageTag } from '#lib/i18n/index.svelte.ts'
import { HubError, HubUnreachable } from './errors.ts'

type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
type Query = Readonly<Record<string, string | number | boolean | undefined>>

let whenSignedOut = () => {}

/** `listener` runs when any call finds that the session is over. */
export function onSignedOut(listener: () => void): void {
  whenSignedOut = listener
}

interface Extra {
  readonly headers?: Readonly<Record<string, string>>
  /** Milliseconds until the hub counts as unreachable. */
  readonly timeoutMs?: number
}

/** Calls the hub and parses its answer. Throws `HubError` or `HubUnreachable`. */
export async function call<T>(method: Method, path: string, schema: z.ZodType<T>, body?: unknown, extra?: Extra): Promise<T> {
  const response = await send(method, path, body, extra)
  return schema.parse(await readJson(response))
}

/** Like `call`, for answers nobody reads. */
export async function callOnly(method: Method, path: string, body?: unknown): Promise<void> {
  const response = await send(method, path, body)
  await response.body?.cancel()
}

/** `path` with the given query; undefined and empty values are left out. */
export function withQuery(path: string, query: Query): string {
  const filled = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  if (filled.length === 0) return path
  return `${path}?${new URLSearchParams(filled.map(([key, value]) => [key, String(value)])).toString()}`
}

export function spacePath(owner: string, name: string, rest = ''): string {
  return `/api/v1/spaces/${encodeURIComponent(owner)}/${encodeURIComponent(name)}${rest}`
}

async function send(method: Method, path: string, body: unknown, { headers: more, timeoutMs }: Extra = {}): Promise<Response> {
  const headers = new Headers({ accept: 'application/json', 'accept-language': untrack(languageTag), ...more })
  if (body instanceof Blob) headers.set('content-type', body.type)
  else if (body !== undefined) headers.set('content-type', 'application/json')
  const payload = body === undefined || body instanceof Blob ? body : JSON.stringify(body)
  const response = await reach(path, {
    method,
    headers,
    credentials: 'same-origin',
    ...(payload === undefined ? {} : { body: payload }),
    ...(timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
  })
  if (!response.ok) throw await failureOf(response)
  return response
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init)
  } catch (cause) {
    throw new HubUnreachable('no answer', { cause })
  }
}

async function failureOf(response: Response): Promise<Error> {
  const parsed = errorBody.safeParse(await response.json().catch(() => undefined))
  if (!parsed.success) return new HubUnreachable(`answered ${response.status}`)
  if (parsed.data.error.code === 'not_signed_in') whenSignedOut()
  return new HubError(parsed.data.error)
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch (cause) {
    throw new HubUnreachable('answer is not JSON', { cause })
  }
}
