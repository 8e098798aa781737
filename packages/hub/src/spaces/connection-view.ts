import { type ConnectionView, isoTime } from '@websocket-spaces/protocol'
import type { Connection } from './connections.ts'
import type { SharedConnection } from './ports.ts'

/** A connection as other nodes know it. */
export function toShared(connection: Connection): SharedConnection {
  return {
    id: connection.id,
    spaceId: connection.spaceId,
    space: connection.space,
    tokenId: connection.tokenId,
    instance: connection.instance,
    sdk: connection.sdk,
    address: connection.address,
    transport: connection.link.transport(),
    state: stateOf(connection),
    concurrency: connection.concurrency,
    prefetch: connection.prefetch,
    connectedAt: connection.connectedAt,
  }
}

function stateOf({ state, draining, restingUntil }: Connection): SharedConnection['state'] {
  if (draining) return 'draining'
  if (state !== 'connected') return 'silent'
  return restingUntil > Date.now() ? 'resting' : 'connected'
}

/** A connection as the admin sees it. */
export function viewConnection(connection: SharedConnection & { readonly holding: number }): ConnectionView {
  return {
    connection_id: connection.id,
    space_id: connection.spaceId,
    space: connection.space,
    instance: connection.instance,
    sdk: connection.sdk,
    address: connection.address,
    transport: connection.transport,
    state: connection.state,
    concurrency: connection.concurrency,
    prefetch: connection.prefetch,
    holding: connection.holding,
    connected_at: isoTime(connection.connectedAt),
  }
}
