import { SpacesError } from '@websocket-spaces/protocol'

/** Where a hub is, and the connect token its address may carry as `?token=`. */
export interface HubAddress {
  /** Scheme, host and port; never a path, a query or a secret. */
  readonly origin: string
  readonly token: string | undefined
}

/**
 * Reads what a person typed: `localhost:5001`, `http://hub.example`, or an address with `?token=…`.
 * @throws SpacesError `invalid_input` when it is no http(s) address.
 */
export function parseHubAddress(text: string): HubAddress {
  const trimmed = text.trim()
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined
  if (url === undefined || url.hostname === '' || !['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol)) {
    throw new SpacesError('invalid_input', { field: 'host', problem: 'must be an address such as http://localhost:5001' })
  }
  const scheme = url.protocol === 'https:' || url.protocol === 'wss:' ? 'https' : 'http'
  return { origin: new URL(`${scheme}://${url.host}`).origin, token: url.searchParams.get('token') ?? undefined }
}
