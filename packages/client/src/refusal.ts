import { SpacesError, type ErrorCode } from '@websocket-spaces/protocol'

/** A hub's refusal, in the hub's own words: they are already in the language that was asked for. */
export class HubRefusal extends SpacesError {
  readonly text: string
  readonly field: string | undefined
  /** What to do about it, where the hub said so. */
  readonly hint: string | undefined

  constructor(code: ErrorCode, text: string, more: { field?: string | undefined; hint?: string | undefined } = {}) {
    super(code)
    this.message = text
    this.text = text
    this.field = more.field
    this.hint = more.hint
  }

  override say(): string {
    return this.text
  }
}
