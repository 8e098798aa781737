import type { FastifyInstance, FastifyRequest } from 'fastify'
import { SpacesError } from '@websocket-spaces/protocol'

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
    if (!SAFE_METHODS.has(request.method) && isCrossSite(request.headers, hostOf(request), publicUrl)) throw new SpacesError('cross_site')
  })
}

export interface OriginHeaders {
  readonly origin?: string | undefined
  readonly 'sec-fetch-site'?: string | string[] | undefined
}

/**
 * Whether a browser says that this comes from a page that is not ours. Programs send neither
 * header; they have no cookie jar that a foreign page could borrow.
 */
export function isCrossSite(headers: OriginHeaders, host: string | undefined, publicUrl: string | undefined): boolean {
  const { origin } = headers
  if (origin !== undefined) return origin !== publicUrl && hostOfOrigin(origin) !== host
  const site = headers['sec-fetch-site']
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}

function hostOf(request: FastifyRequest): string | undefined {
  return request.host
}

function hostOfOrigin(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
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
