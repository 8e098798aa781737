/** Every registered app socket, live, for the admin. */
import { LIVE_CALLS, LIVE_EVENTS, connectionsPush } from '@websocket-spaces/protocol'
import type { ConnectionView } from '@websocket-spaces/protocol'
import { hold, listen } from './socket.svelte.ts'

export class Connections {
  /** Undefined until the first list arrived. */
  items = $state.raw<readonly ConnectionView[]>()
  readonly #disposers = [
    listen(LIVE_EVENTS.connections, connectionsPush, (push) => (this.items = push.connections)),
    hold({
      topic: 'connections',
      start: LIVE_CALLS.watchConnections,
      stop: LIVE_CALLS.unwatchConnections,
      payload: () => ({}),
    }),
  ]

  stop(): void {
    for (const dispose of this.#disposers.splice(0)) dispose()
  }
}
