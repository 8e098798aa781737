/** A space as it is being written: the form's values, before they are valid. */
import { DEFAULTS, LIMITS, createSpaceBody, updateSpaceBody } from '@websocket-spaces/protocol'
import type { Category, CreateSpaceBody, InputKind, Space, UpdateSpaceBody, Visibility } from '@websocket-spaces/protocol'

export type CoverChange = { kind: 'kept' } | { kind: 'chosen'; file: File; preview: string } | { kind: 'removed' }

/** What happens to requests while no app is connected: refused, or held for so many seconds. */
export const HOLD_CHOICES = ['refuse', '3600', '28800', '86400', '604800', 'custom'] as const
export type HoldChoice = (typeof HOLD_CHOICES)[number]

interface Example {
  /** Tells rows apart while they are edited. */
  readonly id: number
  text: string
}

export class SpaceDraft {
  name = $state('')
  description = $state('')
  category = $state<Category>('other')
  tags = $state('')
  emoji = $state('')
  visibility = $state<Visibility>('public')
  inputs = $state<InputKind[]>(['prompt'])
  examples = $state<Example[]>([])
  maxQueue = $state<number | null>(DEFAULTS.maxQueue)
  minInterval = $state<number | null>(DEFAULTS.minIntervalSeconds)
  dailyQuota = $state<number | null>(DEFAULTS.dailyQuota)
  deadline = $state<number | null>(DEFAULTS.deadlineSeconds)
  maxAttempts = $state<number | null>(DEFAULTS.maxAttempts)
  hold = $state<HoldChoice>('refuse')
  /** Counts when `hold` is `custom`. */
  holdMinutes = $state<number | null>(30)
  openRegistration = $state(false)
  cover = $state.raw<CoverChange>({ kind: 'kept' })
  #lastExample = 0

  constructor(space?: Space) {
    if (!space) return
    this.name = space.name
    this.description = space.description
    this.category = space.category
    this.tags = space.tags.join(', ')
    this.emoji = space.emoji
    this.visibility = space.visibility
    this.inputs = [...space.inputs]
    this.maxQueue = space.max_queue
    this.minInterval = space.min_interval_seconds
    this.dailyQuota = space.daily_quota
    this.deadline = space.deadline_seconds
    this.maxAttempts = space.max_attempts
    this.#setHold(space.hold_seconds)
    this.openRegistration = space.open_registration
    for (const text of space.examples) this.addExample(text)
  }

  #setHold(seconds: number): void {
    if (seconds === 0) return
    this.hold = HOLD_CHOICES.find((choice) => choice === String(seconds)) ?? 'custom'
    this.holdMinutes = seconds / 60
  }

  /** NaN when the minutes are not valid. */
  #holdSeconds(): number {
    if (this.hold === 'refuse') return 0
    if (this.hold !== 'custom') return Number(this.hold)
    const seconds = Math.round((this.holdMinutes ?? 0) * 60)
    return seconds > 0 ? seconds : Number.NaN
  }

  addExample(text = ''): void {
    if (this.examples.length < LIMITS.examplesPerSpace) this.examples.push({ id: (this.#lastExample += 1), text })
  }

  removeExample(id: number): void {
    this.examples = this.examples.filter((example) => example.id !== id)
  }

  setInput(kind: InputKind, wanted: boolean): void {
    const others = this.inputs.filter((one) => one !== kind)
    this.inputs = wanted ? [...others, kind] : others
  }

  /** Throws a ZodError when a value is not allowed. */
  toCreate(): CreateSpaceBody {
    return createSpaceBody.parse(this.values())
  }

  /** Throws a ZodError when a value is not allowed. `open_registration` goes along for admins only. */
  toUpdate(asAdmin: boolean): UpdateSpaceBody {
    return updateSpaceBody.parse({ ...this.values(), ...(asAdmin ? { open_registration: this.openRegistration } : {}) })
  }

  /** As they would be sent, valid or not. */
  values(): Record<string, unknown> {
    return {
      name: this.name.trim(),
      description: this.description,
      category: this.category,
      tags: [
        ...new Set(
          this.tags
            .split(/[,，、]/)
            .map((tag) => tag.trim().replace(/^#/, ''))
            .filter(Boolean),
        ),
      ],
      emoji: this.emoji.trim(),
      visibility: this.visibility,
      inputs: [...this.inputs],
      examples: this.examples.map((example) => example.text.trim()).filter(Boolean),
      max_queue: this.maxQueue ?? Number.NaN,
      min_interval_seconds: this.minInterval ?? Number.NaN,
      daily_quota: this.dailyQuota ?? Number.NaN,
      deadline_seconds: this.deadline ?? Number.NaN,
      max_attempts: this.maxAttempts ?? Number.NaN,
      hold_seconds: this.#holdSeconds(),
    }
  }
}
