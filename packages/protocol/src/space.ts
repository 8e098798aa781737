import { z } from 'zod'
import { spaceId } from './ids.ts'
import { RULES } from './input-problem.ts'
import { DEFAULTS, LIMITS } from './limits.ts'

export const VISIBILITIES = ['public', 'unlisted', 'private'] as const
export const INPUT_KINDS = ['prompt', 'audio', 'video', 'file'] as const
export const CATEGORIES = ['text', 'image', 'audio', 'video', 'code', 'data', 'other'] as const

export const visibility = z.enum(VISIBILITIES)
export const inputKind = z.enum(INPUT_KINDS)
export const category = z.enum(CATEGORIES)
export type Visibility = z.infer<typeof visibility>
export type InputKind = z.infer<typeof inputKind>
export type Category = z.infer<typeof category>

/** Letters and digits of any script, then also `.`, `_`, `-`; no spaces and no slash. Case matters. */
export const spaceName = z
  .string()
  .min(1)
  .max(LIMITS.spaceNameChars)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u, RULES.name.en)

const tag = z.string().trim().min(1).max(LIMITS.tagChars)
const seconds = z.number().int().min(0)

const editable = {
  description: z.string().max(LIMITS.descriptionChars),
  category,
  tags: z.array(tag).max(LIMITS.tagsPerSpace),
  /** One emoji for the generated cover; empty = chosen from the name. */
  emoji: z.string().max(16),
  visibility,
  inputs: z.array(inputKind).min(1).max(INPUT_KINDS.length),
  /** Prompts a visitor can try with one click. */
  examples: z.array(z.string().min(1).max(LIMITS.examplePromptChars)).max(LIMITS.examplesPerSpace),
  max_queue: z.number().int().min(1).max(100_000),
  min_interval_seconds: seconds.max(86_400),
  /** Requests a user may submit in a day (UTC); 0 = no quota. */
  daily_quota: z.number().int().min(0).max(1_000_000),
  deadline_seconds: seconds.min(1).max(86_400),
  /** How often a request is started before it fails with `app_lost`. */
  max_attempts: z.number().int().min(1).max(LIMITS.mostAttempts),
  /** While no app is connected: 0 = requests are refused; otherwise they are accepted and wait up to this long. */
  hold_seconds: seconds.max(LIMITS.longestHoldSeconds),
} as const

export const createSpaceBody = z.strictObject({
  name: spaceName,
  description: editable.description.default(''),
  category: editable.category.default('other'),
  tags: editable.tags.default([]),
  emoji: editable.emoji.default(''),
  visibility: editable.visibility.default('public'),
  inputs: editable.inputs.default(['prompt']),
  examples: editable.examples.default([]),
  max_queue: editable.max_queue.default(DEFAULTS.maxQueue),
  min_interval_seconds: editable.min_interval_seconds.default(DEFAULTS.minIntervalSeconds),
  daily_quota: editable.daily_quota.default(DEFAULTS.dailyQuota),
  deadline_seconds: editable.deadline_seconds.default(DEFAULTS.deadlineSeconds),
  max_attempts: editable.max_attempts.default(DEFAULTS.maxAttempts),
  hold_seconds: editable.hold_seconds.default(DEFAULTS.holdSeconds),
})
export type CreateSpaceBody = z.infer<typeof createSpaceBody>

/** `open_registration` lets apps register without a token; only an admin may set it. */
export const updateSpaceBody = z.strictObject({ name: spaceName, ...editable, open_registration: z.boolean() }).partial()
export type UpdateSpaceBody = z.infer<typeof updateSpaceBody>

/** What changes by itself, pushed live. `queue_length` is what really waits: in the hub or in an app's own queue. */
export const spaceStatus = z.object({
  space_id: spaceId,
  connected: z.boolean(),
  /** Connections that answer the heartbeat. */
  replicas: z.number().int(),
  queue_length: z.number().int(),
  processing: z.number().int(),
  last_seen_at: z.string().nullable(),
})
export type SpaceStatus = z.infer<typeof spaceStatus>

export const space = z.object({
  id: spaceId,
  owner: z.string(),
  name: z.string(),
  type: z.literal('websocket'),
  ...editable,
  open_registration: z.boolean(),
  /** Path of the uploaded cover; null = draw one from name and emoji. */
  cover_url: z.string().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
  /** Whether the asking user may edit and delete it. */
  can_edit: z.boolean(),
  status: spaceStatus,
})
export type Space = z.infer<typeof space>
