/**
 * What an app and the hub say to each other over Socket.IO (namespace `/`, path `/socket.io/`).
 * The four events old apps speak are unchanged; everything else is an addition with a default.
 * Direction, obligation and failure of each: PROTOCOL.md.
 */
import { z } from 'zod'
import { ERROR_CODES } from './errors.ts'
import { connectionId, leaseId, requestId, spaceId } from './ids.ts'
import { LIMITS } from './limits.ts'
import { inputKind, spaceName } from './space.ts'
import { logLevel, requestResult } from './request.ts'

/** Names of the events, so that neither end spells one by hand. */
export const APP_EVENTS = {
  register: 'register',
  registerResponse: 'register_response',
  inferenceRequest: 'inference_request',
  inferenceResult: 'inference_result',
  inferenceProgress: 'inference_progress',
  inferenceOutput: 'inference_output',
  inferenceLog: 'inference_log',
  inferenceCancel: 'inference_cancel',
  renew: 'renew',
  drain: 'drain',
  reportRefused: 'report_refused',
  goodbye: 'goodbye',
} as const

const ownerName = z.string().min(1).max(LIMITS.usernameMaxChars)

/** `name` or `owner/name`. Anything else is answered like an unknown space. */
export const spaceReference = z.string().transform((text, context) => {
  const parts = text.split('/')
  const name = spaceName.safeParse(parts.at(-1))
  const owner = parts.length === 2 ? ownerName.safeParse(parts[0]) : undefined
  if (parts.length > 2 || !name.success || owner?.success === false) {
    context.addIssue({ code: 'custom', message: 'not a space name' })
    return z.NEVER
  }
  return owner === undefined ? { name: name.data } : { owner: owner.data, name: name.data }
})
export type SpaceReference = z.infer<typeof spaceReference>

/** One request as its holder knows it: that it knows the lease's id shows that it held it. */
export const leasedRequest = z.object({ request_id: requestId, lease_id: leaseId })
export type LeasedRequest = z.infer<typeof leasedRequest>
const leasedRequests = z.array(leasedRequest).max(LIMITS.leasesPerMessage)

export const registerMessage = z.object({
  space_name: z
    .string()
    .min(1)
    .max(LIMITS.spaceNameChars + LIMITS.usernameMaxChars + 1),
  token: z.string().max(256).optional(),
  /** How the app's machine is called on pages and in results. */
  instance_id: z.string().max(64).optional(),
  concurrency: z.number().int().min(1).max(LIMITS.maxConcurrency).optional(),
  prefetch: z.number().int().min(0).max(LIMITS.maxPrefetch).optional(),
  inputs: z.array(inputKind).optional(),
  /** Name and version of the SDK, for the admin's list. */
  sdk: z.string().max(64).optional(),
  /** What it still holds from earlier connections. Its presence, be it empty, says that this app renews its leases. */
  resume: leasedRequests.optional(),
})
export type RegisterMessage = z.input<typeof registerMessage>

/** A request that goes on where it was, with how much of this attempt's output (UTF-16 code units) the hub has. */
export const resumedRequest = z.object({ request_id: requestId, output_chars: z.number().int() })
export type ResumedRequest = z.infer<typeof resumedRequest>

export const registerResponse = z.discriminatedUnion('success', [
  z.object({
    success: z.literal(true),
    connection_id: connectionId,
    space_id: spaceId,
    /** `owner/name` */
    space: z.string(),
    message: z.string(),
    resumed: z.array(resumedRequest).default([]),
  }),
  z.object({ success: z.literal(false), message: z.string(), code: z.enum(ERROR_CODES), hint: z.string().optional() }),
])
export type RegisterResponse = z.infer<typeof registerResponse>

export const inferenceRequest = z.object({
  request_id: requestId,
  lease_id: leaseId,
  username: z.string(),
  payload: z.looseObject({ prompt: z.string(), timestamp: z.number() }),
  attempt: z.number().int(),
  /** Seconds the app has from its start; past them the request fails with `timeout`. */
  deadline_seconds: z.number(),
})
export type InferenceRequest = z.infer<typeof inferenceRequest>

export const inferenceResult = z.object({
  request_id: requestId,
  /** `canceled` only confirms an `inference_cancel`. */
  status: z.enum(['completed', 'failed', 'canceled']),
  result: requestResult.nullish().transform((value) => value ?? {}),
})
export type InferenceResult = z.input<typeof inferenceResult>

export const inferenceProgress = z.object({
  request_id: requestId,
  /** 0 … 1 */
  progress: z.number().min(0).max(1),
  message: z.string().max(LIMITS.logLineChars).optional(),
})
export type InferenceProgress = z.input<typeof inferenceProgress>

export const inferenceOutput = z.object({ request_id: requestId, text: z.string().min(1).max(LIMITS.deltaChars) })
export type InferenceOutput = z.input<typeof inferenceOutput>

export const inferenceLog = z.object({
  request_id: requestId,
  level: logLevel.default('info'),
  line: z.string().transform((text) => text.slice(0, LIMITS.logLineChars)),
})
export type InferenceLog = z.input<typeof inferenceLog>

export const inferenceCancel = z.object({ request_id: requestId, reason: z.enum(['canceled', 'timeout', 'space_deleted', 'lease_lost']) })
export type InferenceCancel = z.infer<typeof inferenceCancel>

/** Which requests the app still works on. */
export const renewMessage = z.object({ leases: leasedRequests })
export type RenewMessage = z.infer<typeof renewMessage>

/** The app takes nothing more, finishes what it runs, and leaves. */
export const drainMessage = z.object({}).nullish()

/** Told to an app whose report was not taken; also the `error` of an ack. */
export const reportRefused = z.object({
  request_id: z.string().nullable(),
  event: z.string(),
  code: z.enum(ERROR_CODES),
  message: z.string(),
})
export type ReportRefused = z.infer<typeof reportRefused>

/** Why the hub is about to close this connection, and whether to come back. */
export const goodbye = z.object({ code: z.enum(ERROR_CODES), message: z.string(), reconnect: z.boolean() })
export type Goodbye = z.infer<typeof goodbye>

/** What an ack carries, where the sender asked for one. */
export const ack = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), error: z.object({ code: z.enum(ERROR_CODES), message: z.string() }) }),
])
export type Ack = z.infer<typeof ack>
