/** The servers to be measured, each with an app, all in processes of their own. */
import { join } from 'node:path'
import { SpacesClient } from '@websocket-spaces/client'
import type { UserId } from '@websocket-spaces/protocol'
import { z } from 'zod'
import type { Home } from './databases.ts'
import { type BenchProcess, startProcess } from './processes/start.ts'

const ADMIN_PASSWORD = 'a password for the bench'
const nothing = z.unknown()

export interface RunningHub extends AsyncDisposable {
  readonly process: BenchProcess
  readonly port: number
  readonly client: SpacesClient
  /** `Bearer wsk_…` */
  readonly authorization: string
  /** A connect token for all spaces. */
  readonly token: string
  readonly userId: UserId
}

export interface HubOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Folder for a CPU profile of the hub. */
  readonly profile?: string | undefined
}

/** A hub with default settings on a free port; its log goes into a file, as a service's would. */
export async function startHub(home: Home, { env: given, profile }: HubOptions = {}): Promise<RunningHub> {
  const env = { HOST: '127.0.0.1', PORT: '0', DATA_DIR: home.path, ADMIN_PASSWORD, LOG_LEVEL: 'info', ...home.env, ...given }
  const process = await startProcess('hub', { env, logFile: join(home.path, 'hub.log'), profile })
  try {
    const port = await process.call('port', null, z.number())
    const client = new SpacesClient({ host: `http://127.0.0.1:${port}` })
    const me = await client.signIn('admin', ADMIN_PASSWORD)
    const { token: key } = await client.createKey('bench')
    const { token } = await client.createConnectToken('bench')
    const dispose = async (): Promise<void> => process[Symbol.asyncDispose]()
    return { process, port, client, authorization: `Bearer ${key}`, token, userId: me.id, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await process[Symbol.asyncDispose]()
    throw error
  }
}

/** An app that answers at once, registered at a relay or for a space of a hub. */
export async function startEchoApp(port: number, space = 'bench', token = 'none'): Promise<BenchProcess> {
  const app = await startProcess('echo-app')
  await app.call('connect', { port, space, token, concurrency: 1_000 }, nothing)
  return app
}
