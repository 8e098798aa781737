import { parseHubAddress } from '@websocket-spaces/client'

const THIS_MACHINE = new Set(['localhost', '127.0.0.1', '[::1]', '0.0.0.0', '[::]'])

/** One key for one hub: the names of this machine are the same hub, whichever was typed. */
export function hostKey(host: string): string {
  const url = new URL(parseHubAddress(host).origin)
  if (THIS_MACHINE.has(url.hostname)) url.hostname = 'localhost'
  return url.origin
}
