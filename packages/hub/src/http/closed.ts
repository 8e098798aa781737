import type { ServerResponse } from 'node:http'

/** A signal that aborts when the client goes away before its answer is complete, or after `within` milliseconds. */
export function closed(response: ServerResponse, within?: number): Disposable & { readonly signal: AbortSignal } {
  const abort = new AbortController()
  const timer = within === undefined ? undefined : setTimeout(() => abort.abort(), within)
  const onClose = (): void => abort.abort()
  response.once('close', onClose)
  // It may have gone while the route was asking who it is.
  if (response.destroyed) abort.abort()
  return {
    signal: abort.signal,
    [Symbol.dispose]() {
      clearTimeout(timer)
      response.off('close', onClose)
    },
  }
}
