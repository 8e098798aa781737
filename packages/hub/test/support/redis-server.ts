import { directoryFor, freePort, serverProcess, type ServerProcess, unprivileged } from './server-process.ts'

export interface RedisServer extends ServerProcess {
  readonly url: string
}

/** A real Redis of the test's own that keeps nothing on the disk. */
export async function startRedis(password?: string): Promise<RedisServer> {
  const account = await unprivileged()
  const directory = await directoryFor(account)
  const port = await freePort()
  const secret = password === undefined ? [] : ['--requirepass', password]
  const server = serverProcess({
    command: 'redis-server',
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory, ...secret],
    account,
    directory,
    ready: /Ready to accept connections/,
  })
  await server.start()
  return { ...server, url: `redis://127.0.0.1:${port}` }
}
