import { TIMING } from '@websocket-spaces/protocol'
import { type Engine, tcpOf } from './transport.ts'

export interface HubWatch {
  /** Whether it has called `onSilence`. */
  readonly silent: boolean
}

/** Milliseconds. */
const LOOK_EVERY = 500

/**
 * Calls `onSilence` when nothing has come from a hub for `hubSilence`, though no end of the connection says that it is
 * lost; long before its leases end. Watches until the engine closes, and only a hub that pings as often as ours do.
 */
export function watchHub(engine: Engine, onSilence: () => void): HubWatch {
  const watch = { silent: false }
  let heardAt = performance.now()
  let lookedAt = heardAt
  let read = 0
  let timer: NodeJS.Timeout | undefined
  let judging: NodeJS.Immediate | undefined

  /** Of a long prompt on a slow line no packet is complete for a while; its bytes are signs of life. */
  function hear(): void {
    const bytes = tcpOf(engine)?.bytesRead ?? read
    if (bytes !== read) heardAt = performance.now()
    read = bytes
  }

  function look(): void {
    const now = performance.now()
    // While our own event loop was held up nobody read what came.
    heardAt += Math.max(0, now - lookedAt - LOOK_EVERY)
    lookedAt = now
    hear()
    // What has arrived by now is read before this is called.
    if (now - heardAt >= TIMING.hubSilence) judging ??= setImmediate(judge)
  }

  function judge(): void {
    judging = undefined
    hear()
    if (performance.now() - heardAt < TIMING.hubSilence) return
    watch.silent = true
    stop()
    onSilence()
  }

  function stop(): void {
    clearInterval(timer)
    clearImmediate(judging)
  }

  engine.on('packet', () => (heardAt = performance.now()))
  engine.once('handshake', ({ pingInterval }) => {
    if (pingInterval > TIMING.heartbeatEvery) return
    heardAt = lookedAt = performance.now()
    timer = setInterval(look, LOOK_EVERY)
  })
  engine.once('close', stop)
  return watch
}
