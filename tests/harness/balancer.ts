import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Balancer extends AsyncDisposable {
  readonly url: string
  /** Cuts every connection through it; new ones are taken as before. */
  cut(): void
}

/** What stands before several nodes: each connection goes to the first of them that takes it. */
export async function startBalancer(nodes: readonly string[]): Promise<Balancer> {
  const open = new Set<Socket>()
  const server = createServer((client) => {
    track(open, client)
    void forward(client, nodes, open)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  function cut(): void {
    for (const socket of open) socket.destroy()
  }
  return {
    url: `http://127.0.0.1:${port}`,
    cut,
    async [Symbol.asyncDispose]() {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}

async function forward(client: Socket, nodes: readonly string[], open: Set<Socket>): Promise<void> {
  for (const node of nodes) {
    const upstream = await dial(node)
    if (upstream === undefined) continue
    track(open, upstream)
    client.pipe(upstream).pipe(client)
    client.once('close', () => upstream.destroy())
    upstream.once('close', () => client.destroy())
    return
  }
  client.destroy()
}

async function dial(node: string): Promise<Socket | undefined> {
  const { hostname, port } = new URL(node)
  const socket = connect(Number(port), hostname)
  try {
    await once(socket, 'connect')
    return socket
  } catch {
    return undefined
  }
}

function track(open: Set<Socket>, socket: Socket): void {
  open.add(socket)
  // A peer that was killed resets its connections; `close` follows.
  socket.on('error', () => undefined)
  socket.once('close', () => open.delete(socket))
}
