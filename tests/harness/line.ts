/**
 * A wire between programs and the servers behind it, which a test can cut, freeze, slow down or make stutter.
 * Each connection goes to the first server that takes it, as behind a load balancer.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { FrameDuplicator } from './frame-duplicator.ts'
import { Pump, type Weather } from './pump.ts'

/** `up` is towards the server. */
export type Way = 'up' | 'down'

export interface Line extends AsyncDisposable {
  /** `http://127.0.0.1:…` */
  readonly url: string
  /** Resets every connection; new ones may be made at once. */
  cut(): void
  /** From now on bytes of these ways wait (`hold`) or vanish (`swallow`), of old connections and new. */
  freeze(how: 'hold' | 'swallow', ways: readonly Way[]): void
  /** Bytes arrive this much later, in order. Milliseconds. */
  delay(ms: number): void
  /** Of WebSocket messages that `repeats` chooses, every second one or so arrives twice; the count of those is returned by `clear`. */
  repeat(repeats: (message: string) => boolean, chance: () => boolean): void
  /** Fair weather again: what waited arrives, connections that lost bytes are reset. Returns how many messages were repeated. */
  clear(): number
}

/** @param servers addresses with host and port, tried in this order. */
export async function startLine(servers: readonly string[]): Promise<Line> {
  const weather: Record<Way, Weather> = { up: { flow: 'pass', delayMs: 0 }, down: { flow: 'pass', delayMs: 0 } }
  const calls = new Set<Call>()
  const sockets = new Set<Socket>()
  let repeating: Repeating | undefined
  let repeated = 0

  function duplicator(): FrameDuplicator {
    return new FrameDuplicator((message) => {
      const doubled = repeating?.repeats(message) === true && repeating.chance()
      if (doubled) repeated += 1
      return doubled
    })
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    track(sockets, client)
    void (async () => {
      const upstream = await dialFirst(servers)
      if (upstream === undefined || client.destroyed) {
        upstream?.destroy()
        client.destroy()
        return
      }
      track(sockets, upstream)
      const up = new Pump(client, upstream, weather.up, duplicator())
      const down = new Pump(upstream, client, weather.down, duplicator())
      const call: Call = { pumps: [up, down], reset: () => [client, upstream].forEach((socket) => socket.resetAndDestroy()) }
      calls.add(call)
      // While the line is frozen one end may go long before the other hears of it.
      void Promise.all([gone(client), gone(upstream)]).then(() => calls.delete(call))
    })()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    cut() {
      for (const call of calls) call.reset()
    },
    freeze(how, ways) {
      for (const way of ways) weather[way].flow = how
    },
    delay(ms) {
      for (const way of ['up', 'down'] as const) weather[way].delayMs = ms
    },
    repeat(repeats, chance) {
      repeating = { repeats, chance }
    },
    clear() {
      const count = repeated
      repeated = 0
      repeating = undefined
      for (const way of ['up', 'down'] as const) Object.assign(weather[way], { flow: 'pass', delayMs: 0 })
      for (const call of calls) {
        if (call.pumps.some((pump) => pump.lossy)) call.reset()
        else for (const pump of call.pumps) pump.resume()
      }
      return count
    },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

interface Call {
  readonly pumps: readonly Pump[]
  readonly reset: () => void
}

interface Repeating {
  readonly repeats: (message: string) => boolean
  readonly chance: () => boolean
}

async function dialFirst(servers: readonly string[]): Promise<Socket | undefined> {
  for (const server of servers) {
    const { hostname, port } = new URL(server)
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
    try {
      await once(socket, 'connect')
      return socket
    } catch {
      socket.destroy()
    }
  }
  return undefined
}

async function gone(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (socket.closed) resolve()
  else socket.once('close', () => resolve())
  await promise
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket)
  socket.setNoDelay(true)
  // A peer that was killed resets its connections; `close` follows.
  socket.on('error', () => undefined)
  socket.once('close', () => sockets.delete(socket))
}
