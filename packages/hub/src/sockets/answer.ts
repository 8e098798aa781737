import type { Logger } from 'pino'
import { type ErrorCode, inputProblem, SpacesError } from '@websocket-spaces/protocol'
import { z } from 'zod'

/** A path may lead through keys of the sender's own. */
const FIELD_CHARS = 200

export interface WireError {
  readonly code: ErrorCode
  readonly message: string
}

/** What a peer is told of an error: ours as it is, anything else only as `internal`, with the cause in the log. */
export function toWireError(error: unknown, log: Logger): WireError {
  if (error instanceof SpacesError) return { code: error.code, message: error.message }
  if (error instanceof z.ZodError) {
    const issue = error.issues[0]
    const field = issue?.path.join('.').slice(0, FIELD_CHARS) || 'message'
    return toWireError(new SpacesError('invalid_input', { field, problem: issue === undefined ? '?' : inputProblem(issue, 'en') }), log)
  }
  log.error({ err: error }, 'socket event failed')
  return { code: 'internal', message: 'Something went wrong on the hub' }
}

/** The acknowledgement callback Socket.IO puts last, where the sender asked for one. */
export function ackOf(args: readonly unknown[]): ((answer: unknown) => void) | undefined {
  const last = args.at(-1)
  return isCallback(last) ? last : undefined
}

function isCallback(value: unknown): value is (answer: unknown) => void {
  return typeof value === 'function'
}
