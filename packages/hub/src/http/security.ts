import type { FastifyInstance } from 'fastify'
import { SpacesError } from '@websocket-spaces/protocol'
import { isCrossSite, type OwnAddress } from '../accounts/cross-site.ts'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

export interface SecurityOptions {
  readonly publicUrl: string | undefined
  /** CSP sources (`'sha256-…'`) of the inline scripts in the built page. */
  readonly scriptHashes: readonly string[]
}

/** What every answer carries, also to an address that cannot be read. */
export function strictHeaders({ publicUrl, scriptHashes }: SecurityOptions): Readonly<Record<string, string>> {
  return {
    'content-security-policy': contentSecurityPolicy(scriptHashes),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(self), microphone=(self), geolocation=()',
    ...(publicUrl?.startsWith('https:') === true ? { 'strict-transport-security': 'max-age=15552000' } : {}),
  }
}

/** Strict headers on every answer; writes that come from another site are refused. */
export function secure(app: FastifyInstance, headers: Readonly<Record<string, string>>, own: OwnAddress): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(headers)
    if (!SAFE_METHODS.has(request.method) && isCrossSite(request.headers, own)) throw new SpacesError('cross_site')
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
