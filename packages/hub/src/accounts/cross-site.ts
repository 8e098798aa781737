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
  if (origin !== undefined) return origin !== publicUrl && (host === undefined || hostOfOrigin(origin) !== host)
  const site = headers['sec-fetch-site']
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}

function hostOfOrigin(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
