import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type ErrorBody, inputProblem, type Language, LIMITS, SpacesError } from '@websocket-spaces/protocol'
import { languageOf } from './language.ts'

/** The sole place where an error becomes an HTTP answer. What is not ours is logged whole and told to nobody. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known =
    toSpacesError(error, request.routeOptions.bodyLimit) ?? new SpacesError('internal', { request_id: request.id }, { cause: error })
  if (known.code === 'internal') request.log.error({ err: error }, 'request failed')
  const body: ErrorBody = { error: { code: known.code, message: sayTo(languageOf(request.headers), known) } }
  if (typeof known.details.field === 'string') body.error.field = known.details.field
  if (known.status === 429 || known.status === 503) void reply.header('retry-after', String(known.details.wait ?? 1))
  // Were the connection closed while the rest of the body still comes, the client would see that and not this answer.
  if (known.code === 'payload_too_large') void reply.removeHeader('connection')
  return reply.status(known.status).header('cache-control', 'no-store').send(body)
}

/** Parses what came from outside; throws `invalid_input` naming the field. */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw invalidInput(result.error)
}

/** What is wrong with an input is worded only here, where the language is known. */
function sayTo(language: Language, known: SpacesError): string {
  const cause = known.code === 'invalid_input' && known.cause instanceof z.ZodError ? known.cause : undefined
  return (cause === undefined ? known : invalidInput(cause, language)).say(language)
}

function invalidInput(error: z.ZodError, language: Language = 'en'): SpacesError {
  const issue = error.issues[0]
  const keys = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const field = [...(issue?.path ?? []), ...keys].join('.') || 'body'
  return new SpacesError(
    'invalid_input',
    { field: field.slice(0, 100), problem: issue === undefined ? '?' : inputProblem(issue, language) },
    { cause: error },
  )
}

function toSpacesError(error: unknown, limit: number = LIMITS.httpBodyBytes): SpacesError | undefined {
  if (error instanceof SpacesError) return error
  if (error instanceof z.ZodError) return invalidInput(error)
  if (!isFastifyError(error)) return undefined
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new SpacesError('payload_too_large', { limit })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new SpacesError('unsupported_media_type', { expected: 'application/json' })
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new SpacesError('malformed_json')
  }
  // What remains of Fastify's own 4xx, such as a path with a broken escape.
  if (error.statusCode === 413) return new SpacesError('payload_too_large', { limit })
  if (error.statusCode === 404 || error.statusCode === 414) return new SpacesError('not_found')
  if (error.statusCode !== undefined && error.statusCode < 500) return new SpacesError('malformed_json', {}, { cause: error })
  return undefined
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
}
