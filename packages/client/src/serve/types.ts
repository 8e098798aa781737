import type { Goodbye, InferenceCancel, LOG_LEVELS, ReportRefused, RequestId, RequestResult, SpacesError } from '@websocket-spaces/protocol'
import type { HubUnreachable } from '../hub-unreachable.ts'

/** One request as the app gets it. */
export interface ServedRequest {
  readonly id: RequestId
  /** Who submitted it. */
  readonly username: string
  readonly prompt: string
  /** Everything the hub sent along, the prompt included. */
  readonly payload: Readonly<Record<string, unknown>> & { readonly prompt: string; readonly timestamp: number }
  /** 1 = handed out for the first time. */
  readonly attempt: number
  /** Seconds from the start until the hub gives the request up with `timeout`. */
  readonly deadlineSeconds: number
}

export type LogLevel = (typeof LOG_LEVELS)[number]

/** What a running request may do. After `signal` is aborted every call is ignored. */
export interface RunContext {
  /** Aborted when the request was canceled, timed out or is no longer ours; `reason` is a RunAborted. */
  readonly signal: AbortSignal
  /** @param fraction 0 … 1 */
  progress(fraction: number, message?: string): void
  /** Streams a piece of the output. */
  output(text: string): void
  log(level: LogLevel, line: string): void
}

/** Returns the result; an error thrown fails the request with its message. */
export type RequestHandler = (request: ServedRequest, context: RunContext) => Promise<RequestResult> | RequestResult

/** `lease_lost`: the request is someone else's now, or nobody's. `closed`: this app leaves. */
export type AbortReason = InferenceCancel['reason'] | 'closed'

/** `reason` of an aborted run's signal. */
export class RunAborted extends Error {
  override readonly name = 'RunAborted'
  readonly reason: AbortReason

  constructor(reason: AbortReason) {
    super(`The request was stopped: ${reason}`)
    this.reason = reason
  }
}

export interface Registration {
  readonly connectionId: string
  readonly spaceId: string
  /** `owner/name` */
  readonly space: string
  readonly message: string
}

export interface ServeOptions {
  /** The hub's address; may carry `?token=…`. */
  readonly host: string
  /** `name` or `owner/name`. */
  readonly space: string
  /** Connect token, `wst_…`; wins over one in `host`. */
  readonly token?: string | undefined
  /** How this machine is called on pages and in results; its hostname by default. */
  readonly instance?: string | undefined
  /** Requests run at the same time; 1 by default. */
  readonly concurrency?: number | undefined
  /** Requests taken beyond those, to wait here; 0 by default, so that other replicas can have them. */
  readonly prefetch?: number | undefined
  /** Name and version of the program, for the admin's list. */
  readonly sdk?: string | undefined
  /** `false`: the first failure to connect, or the first loss, ends it. */
  readonly retry?: boolean | undefined
  readonly onRequest: RequestHandler
  /** Told about everything that happens, for logs. */
  readonly onEvent?: ((event: ServeEvent) => void) | undefined
}

export interface CloseOptions {
  /** First finish what is running and hand its results in, over a new connection if this one is lost. */
  readonly drain?: boolean
  /** Milliseconds the drain may take; 60 s by default. */
  readonly drainMs?: number
}

export type ServeState =
  | { readonly state: 'connecting'; readonly attempt: number }
  | { readonly state: 'serving'; readonly registration: Registration }
  | { readonly state: 'waiting'; readonly attempt: number; readonly retryInMs: number }
  | { readonly state: 'ended'; readonly error: ServeFailure | null }

/** What ends serving for good. */
export type ServeFailure = SpacesError | HubUnreachable

export type ServeEvent =
  | { readonly type: 'connecting'; readonly address: string; readonly attempt: number }
  | { readonly type: 'connected' }
  | { readonly type: 'registering'; readonly space: string }
  | ({ readonly type: 'registered' } & Registration)
  | { readonly type: 'disconnected'; readonly reason: string }
  | { readonly type: 'goodbye'; readonly goodbye: Goodbye }
  /** An attempt failed and another follows. */
  | { readonly type: 'retrying'; readonly error: ServeFailure | null; readonly retryInMs: number }
  /** `held` counts it together with all others running or waiting here. */
  | { readonly type: 'request'; readonly request: ServedRequest; readonly held: number }
  /** The connection is back, and this request goes on with no interruption. */
  | { readonly type: 'resumed'; readonly requestId: string }
  /** Handed out again while it was still running, or done, here: it is not run twice. */
  | { readonly type: 'request_kept'; readonly requestId: string }
  | { readonly type: 'started'; readonly request: ServedRequest }
  | { readonly type: 'stopped'; readonly requestId: string; readonly reason: AbortReason }
  | { readonly type: 'completed'; readonly requestId: string; readonly seconds: number }
  | { readonly type: 'failed'; readonly requestId: string; readonly seconds: number; readonly error: string }
  | { readonly type: 'result_sent'; readonly requestId: string }
  /** The connection is away; the result goes out when it is back. */
  | { readonly type: 'result_kept'; readonly requestId: string }
  | { readonly type: 'result_delivered'; readonly requestId: string }
  /** Too many undelivered results: the oldest was given up. */
  | { readonly type: 'result_dropped'; readonly requestId: string }
  | { readonly type: 'report_refused'; readonly refusal: ReportRefused }
  /** A message of the hub that this version does not understand. */
  | { readonly type: 'ignored'; readonly event: string }
  /** Takes nothing new, and leaves once so many requests are finished and handed in. */
  | { readonly type: 'draining'; readonly unfinished: number }
  | { readonly type: 'ended'; readonly error: ServeFailure | null }

export interface ServedSpace {
  readonly state: ServeState
  /** Requests that still run here, and results that the hub has not taken yet. */
  readonly unfinished: number
  /** The first registration. Rejects when serving ends before it. */
  readonly registered: Promise<Registration>
  /** Settles when serving is over: rejects with the reason when it was not `close`. */
  readonly ended: Promise<void>
  /** Leaves the hub. Safe to call again; without `drain` it cuts a drain short. */
  close(options?: CloseOptions): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
