import type { ConnectionView } from '@websocket-spaces/protocol'
import type { Connection } from './connections.ts'

/** A connection as the admin sees it. */
export function viewConnection(connection: Connection): ConnectionView {
  return {
    connection_id: connection.id,
    space_id: connection.spaceId,
    space: connection.space,
    instance: connection.instance,
    sdk: connection.sdk,
    address: connection.address,
    transport: connection.link.transport(),
    state: connection.state === 'connected' ? 'connected' : 'silent',
    concurrency: connection.concurrency,
    prefetch: connection.prefetch,
    holding: connection.held.size,
    connected_at: new Date(connection.connectedAt).toISOString(),
  }
}
