/** A space as it is being written: the form's values, before they are valid. */
import { DEFAULTS, LIMITS, createSpaceBody, updateSpaceBody } from '@websocket-spaces/protocol'
import type { Category, CreateSpaceBody, InputKind, Space, UpdateSpaceBody, Visibility } from '@websocket-spaces/protocol'

export type CoverChange = { kind: 'kept' } | { kind: 'chosen'; file: File; preview: string } | { kind: 'removed' }

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
    this.openRegistration = space.open_registration
    for (const text of space.examples) this.addExample(text)
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
    }
  }
}
