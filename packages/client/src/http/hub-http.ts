import { errorBody, type Language } from '@websocket-spaces/protocol'
import type { z } from 'zod'
import { HubUnreachable, unreachable } from '../hub-unreachable.ts'
import { HubRefusal } from '../refusal.ts'
import { createCookies } from './cookies.ts'

export interface HubHttpOptions {
  readonly origin: string
  readonly apiKey?: string | undefined
  /** Language of the hub's error messages. */
  readonly language?: Language | undefined
  /** Milliseconds until a call is given up. */
  readonly timeoutMs?: number | undefined
}

export interface Call {
  readonly body?: unknown
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** Milliseconds; `null` = a stream, which its reader watches. */
  readonly timeoutMs?: number | null
}

/** Calls the hub: credentials out, parsed answers and typed errors back. */
export interface HubHttp {
  readonly origin: string
  /** The answer, parsed. @throws HubRefusal, HubUnreachable */
  json<T extends z.ZodType>(method: string, path: string, schema: T, call?: Call): Promise<z.output<T>>
  /** For answers without a body. @throws HubRefusal, HubUnreachable */
  done(method: string, path: string, call?: Call): Promise<void>
  /** The answer as it comes, with a 2xx status. @throws HubRefusal, HubUnreachable */
  open(method: string, path: string, call?: Call): Promise<Response>
  forgetCookies(): void
  cookieHeader(): string | undefined
}

const DEFAULT_TIMEOUT_MS = 30_000
const MAX_ERROR_CHARS = 100_000
/** What a proxy says in its own words while the hub behind it is away. */
const GATEWAY_STATUSES: readonly number[] = [502, 503, 504]

export function createHubHttp(options: HubHttpOptions): HubHttp {
  const cookies = createCookies()

  async function open(method: string, path: string, call: Call = {}): Promise<Response> {
    const response = await send(method, path, call)
    cookies.keep(response.headers.getSetCookie())
    if (response.ok) return response
    throw await refusalFrom(response)
  }

  async function send(method: string, path: string, call: Call): Promise<Response> {
    const signals = [
      call.signal,
      call.timeoutMs === null ? undefined : AbortSignal.timeout(call.timeoutMs ?? options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
    ]
    try {
      return await fetch(addressOf(path, call), {
        method,
        headers: headersFor(call),
        redirect: 'error',
        signal: AbortSignal.any(signals.filter((signal) => signal !== undefined)),
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      })
    } catch (error) {
      call.signal?.throwIfAborted()
      throw unreachable(options.origin, error)
    }
  }

  function addressOf(path: string, call: Call): URL {
    const url = new URL(path, options.origin)
    for (const [key, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value))
    }
    return url
  }

  function headersFor(call: Call): Record<string, string> {
    const cookie = cookies.header()
    return {
      accept: 'application/json',
      'accept-language': options.language ?? 'en',
      // The hub refuses a cookie that comes without its own origin: that is its guard against other sites.
      origin: options.origin,
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
      ...(cookie === undefined ? {} : { cookie }),
      ...call.headers,
    }
  }

  async function refusalFrom(response: Response): Promise<Error> {
    const text = await response.text().catch(() => '')
    const parsed = errorBody.safeParse(parseJson(text.slice(0, MAX_ERROR_CHARS)))
    if (!parsed.success) return new HubUnreachable(options.origin, GATEWAY_STATUSES.includes(response.status) ? 'lost' : 'not_a_hub')
    const { code, message, field } = parsed.data.error
    return new HubRefusal(code, message, { field })
  }

  return {
    origin: options.origin,
    open,
    async json(method, path, schema, call) {
      const response = await open(method, path, call)
      const text = await response.text().catch((error: unknown) => {
        throw unreachable(options.origin, error)
      })
      const parsed = schema.safeParse(parseJson(text))
      if (!parsed.success) throw new HubUnreachable(options.origin, 'not_a_hub', { cause: parsed.error })
      return parsed.data
    },
    async done(method, path, call) {
      const response = await open(method, path, call)
      await response.body?.cancel()
    },
    forgetCookies: cookies.clear,
    cookieHeader: cookies.header,
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
