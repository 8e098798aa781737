import { z } from 'zod'
import { ERROR_CODES } from './errors.ts'
import { requestId, spaceId } from './ids.ts'
import { RULES } from './input-problem.ts'
import { jsonObject } from './json.ts'
import { LIMITS } from './limits.ts'

export const REQUEST_STATUSES = ['queued', 'processing', 'canceling', 'completed', 'failed', 'canceled'] as const
export const requestStatus = z.enum(REQUEST_STATUSES)
export type RequestStatus = z.infer<typeof requestStatus>

/** From the least to the most urgent. */
export const PRIORITIES = ['low', 'normal', 'high'] as const
export const priority = z.enum(PRIORITIES)
export type Priority = z.infer<typeof priority>

export const requestInput = z.strictObject({
  prompt: z
    .string()
    .max(LIMITS.promptChars)
    .refine((text) => text.trim() !== '', RULES.notEmpty.en),
})
export type RequestInput = z.infer<typeof requestInput>

/** Keys the page knows how to show; an app may add any others. Lenient: wrong types are shown as they are. */
export const requestResult = jsonObject
export type RequestResult = z.infer<typeof requestResult>

export const requestError = z.object({ code: z.enum(ERROR_CODES), message: z.string() })
export type RequestError = z.infer<typeof requestError>

export const outcome = z.discriminatedUnion('status', [
  z.object({ status: z.literal('completed'), result: requestResult }),
  z.object({ status: z.literal('failed'), error: requestError, result: requestResult.nullable() }),
  z.object({ status: z.literal('canceled') }),
])
export type Outcome = z.infer<typeof outcome>

export const LOG_LEVELS = ['debug', 'info', 'warning', 'error'] as const
export const logLevel = z.enum(LOG_LEVELS)

const numbered = { seq: z.number().int(), at: z.string() }

/** A request's ordered, append-only log. `seq` counts 1, 2, 3 … without a gap; `result` is always the last. */
export const requestEvent = z.discriminatedUnion('type', [
  z.object({
    ...numbered,
    type: z.literal('status'),
    /** `canceling`: somebody canceled it, and its app has not yet confirmed that it stopped. */
    status: z.enum(['queued', 'processing', 'canceling']),
    attempt: z.number().int(),
    /** Why it is in this status, where that is not plain: the app was lost, or the hub restarted. */
    reason: z.enum(['app_lost', 'hub_restarted']).optional(),
    /** The machine that runs it, as its app names itself. */
    instance: z.string().optional(),
  }),
  z.object({ ...numbered, type: z.literal('progress'), progress: z.number(), message: z.string().optional() }),
  z.object({ ...numbered, type: z.literal('output'), text: z.string() }),
  z.object({ ...numbered, type: z.literal('log'), level: logLevel, line: z.string() }),
  z.object({ ...numbered, type: z.literal('result'), outcome }),
])
export type RequestEvent = z.infer<typeof requestEvent>

/** In how many seconds the result will be there, as far as the last requests of the space tell. */
export const eta = z.object({ low_seconds: z.number().int(), high_seconds: z.number().int() })
export type Eta = z.infer<typeof eta>

/** Sent between events while a request waits; not stored, not numbered. 1 = next. */
export const positionUpdate = z.object({
  type: z.literal('position'),
  position: z.number().int(),
  queue_length: z.number().int(),
  /** null when nobody knows. */
  eta: eta.nullable().optional(),
})
export type PositionUpdate = z.infer<typeof positionUpdate>

export const followItem = z.union([requestEvent, positionUpdate])
export type FollowItem = z.infer<typeof followItem>

/** One start of a request, and how it ended; the hub's own restart is nobody's fault. */
export const attemptView = z.object({
  attempt: z.number().int(),
  instance: z.string().nullable(),
  started_at: z.string(),
  ended_at: z.string().nullable(),
  ending: z.enum(['completed', 'failed', 'canceled', 'app_lost', 'hub_restarted']).nullable(),
})
export type AttemptView = z.infer<typeof attemptView>

export const requestView = z.object({
  id: requestId,
  space_id: spaceId,
  /** `owner/name` */
  space: z.string(),
  username: z.string(),
  status: requestStatus,
  priority: priority.default('normal'),
  input: requestInput,
  result: requestResult.nullable(),
  error: requestError.nullable(),
  /** 0 … 1; null until the app says. */
  progress: z.number().nullable(),
  /** 1 = next; null when not waiting. */
  position: z.number().int().nullable(),
  /** null when it does not wait, or nobody knows. */
  eta: eta.nullable().default(null),
  attempts: z.number().int(),
  /** Every start so far; empty in lists. */
  attempt_history: z.array(attemptView).default([]),
  instance: z.string().nullable(),
  created_at: z.string(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
  /** When it fails with `timeout` if still running. */
  deadline_at: z.string().nullable(),
  urls: z.object({ self: z.string(), events: z.string(), cancel: z.string(), web: z.string() }),
})
export type RequestView = z.infer<typeof requestView>

export function isFinished(status: RequestStatus): status is Outcome['status'] {
  return status === 'completed' || status === 'failed' || status === 'canceled'
}
