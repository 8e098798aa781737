import type { MessageKey } from './messages/en.ts'

/** A failure of a command, told in the user's language, with what to do about it. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly key: MessageKey
  readonly values: Readonly<Record<string, string | number>>

  constructor(key: MessageKey, values: Readonly<Record<string, string | number>> = {}, options?: ErrorOptions) {
    super(key, options)
    this.key = key
    this.values = values
  }
}

/** Everything was said already; only the exit status is left. */
export class Exit extends Error {
  override readonly name = 'Exit'
  readonly status: number

  constructor(status: number) {
    super(`exit ${status}`)
    this.status = status
  }
}
