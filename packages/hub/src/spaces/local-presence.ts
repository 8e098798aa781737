import type { ConnectionId, ConnectionView, SpaceId } from '@websocket-spaces/protocol'
import { toShared, viewConnection } from './connection-view.ts'
import type { Connections } from './connections.ts'
import type { Presence } from './ports.ts'

/** Presence where there is one node: what is connected here is all there is. */
export class LocalPresence implements Presence {
  readonly #connections: Connections

  constructor(connections: Connections) {
    this.#connections = connections
  }

  replicas(spaceId: SpaceId): Promise<number> {
    return Promise.resolve(this.#connections.liveOf(spaceId).length)
  }

  slots(spaceId: SpaceId): Promise<number> {
    return Promise.resolve(this.#connections.liveOf(spaceId).reduce((sum, { concurrency }) => sum + concurrency, 0))
  }

  all(): Promise<ConnectionView[]> {
    const all = this.#connections.all()
    return Promise.resolve(all.map((connection) => viewConnection({ ...toShared(connection), holding: connection.held.size })))
  }

  tell(): Promise<void> {
    return Promise.resolve()
  }

  showOut(id: ConnectionId): Promise<boolean> {
    return Promise.resolve(this.#connections.get(id) !== undefined)
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  bury(): Promise<readonly SpaceId[]> {
    return Promise.resolve([])
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }
}
