export interface OriginHeaders {
  readonly origin?: string | undefined
  readonly host?: string | undefined
  readonly 'sec-fetch-site'?: string | string[] | undefined
  readonly 'x-forwarded-host'?: string | string[] | undefined
}

export interface OwnAddress {
  readonly publicUrl: string | undefined
  /** Whether X-Forwarded-Host is the word of the operator's own proxy. */
  readonly trustProxy: boolean
}

/**
 * Whether a browser says that this comes from a page that is not ours. Programs send neither
 * header; they have no cookie jar that a foreign page could borrow.
 */
export function isCrossSite(headers: OriginHeaders, { publicUrl, trustProxy }: OwnAddress): boolean {
  const { origin } = headers
  const host = (trustProxy ? lastForwarded(headers['x-forwarded-host']) : undefined) ?? headers.host
  if (origin !== undefined) return origin !== publicUrl && (host === undefined || hostOfOrigin(origin) !== host)
  const site = headers['sec-fetch-site']
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}

/** The last is what the nearest proxy added. */
function lastForwarded(header: string | string[] | undefined): string | undefined {
  return (
    String(header ?? '')
      .split(',')
      .at(-1)
      ?.trim() || undefined
  )
}

function hostOfOrigin(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
