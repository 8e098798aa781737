import type { FastifyInstance } from 'fastify'
import { SpacesError } from '@websocket-spaces/protocol'
import { isCrossSite } from '../accounts/cross-site.ts'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

export interface SecurityOptions {
  readonly publicUrl: string | undefined
  /** CSP sources (`'sha256-…'`) of the inline scripts in the built page. */
  readonly scriptHashes: readonly string[]
}

/** Strict headers on every answer; writes that come from another site are refused. */
export function secure(app: FastifyInstance, { publicUrl, scriptHashes }: SecurityOptions): void {
  const policy = contentSecurityPolicy(scriptHashes)
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': 'camera=(self), microphone=(self), geolocation=()',
    })
    if (publicUrl?.startsWith('https:') === true) void reply.header('strict-transport-security', 'max-age=15552000')
    if (!SAFE_METHODS.has(request.method) && isCrossSite(request.headers, request.host, publicUrl)) throw new SpacesError('cross_site')
  })
}

function contentSecurityPolicy(scriptHashes: readonly string[]): string {
  return [
    "default-src 'self'",
    ['script-src', "'self'", ...scriptHashes].join(' '),
    // Style attributes are how components place and size themselves; they cannot run code.
    "style-src 'self' 'unsafe-inline'",
    // Results may link to media anywhere; descriptions to images.
    "img-src 'self' data: blob: http: https:",
    "media-src 'self' data: blob: http: https:",
    "connect-src 'self' ws: wss:",
    "font-src 'self'",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}
