import type { FastifyInstance } from 'fastify'
import { SpacesError } from '@websocket-spaces/protocol'
import { isCrossSite, type OwnAddress } from '../accounts/cross-site.ts'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

export interface SecurityOptions {
  readonly publicUrl: string | undefined
  /** CSP sources (`'sha256-…'`) of the inline scripts in the built page. */
  readonly scriptHashes: readonly string[]
}

type Headers = Readonly<Record<string, string>>

/** What answers carry. */
export interface StrictHeaders {
  /** Pages, and what they are made of. */
  readonly page: Headers
  /** What is only read by programs, and can do nothing where somebody opens it in a browser. */
  readonly api: Headers
}

export function strictHeaders({ publicUrl, scriptHashes }: SecurityOptions): StrictHeaders {
  const always = {
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    ...(publicUrl?.startsWith('https:') === true ? { 'strict-transport-security': 'max-age=15552000' } : {}),
  }
  return {
    api: { 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", ...always },
    page: {
      'content-security-policy': contentSecurityPolicy(scriptHashes),
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': 'camera=(self), microphone=(self), geolocation=()',
      ...always,
    },
  }
}

/** Of an address, also of one that cannot be read. */
export function headersFor(url: string, { api, page }: StrictHeaders): Headers {
  return url.startsWith('/api/') ? api : page
}

/** Strict headers on every answer; writes that come from another site are refused. */
export function secure(app: FastifyInstance, headers: StrictHeaders, own: OwnAddress): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers(headersFor(request.url, headers))
    const isRefused = !SAFE_METHODS.has(request.method) && isCrossSite(request.headers, own)
    done(isRefused ? new SpacesError('cross_site') : undefined)
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
