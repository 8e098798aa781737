import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../../../accounts/identity.ts'

/** The browser or program at the other end. Its address is the socket's, or the operator's proxy's word for it. */
export function callerOf(request: FastifyRequest): Caller {
  return { cookie: request.headers.cookie, userAgent: request.headers['user-agent'], address: request.ip }
}

/** Hands out cookies; such an answer, and any other with a secret in it, must not be kept by anybody on the way. */
export function setCookies(reply: FastifyReply, cookies: readonly string[]): FastifyReply {
  if (cookies.length > 0) void reply.header('set-cookie', [...cookies])
  return reply.header('cache-control', 'no-store')
}
