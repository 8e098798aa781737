import { SpacesClient } from '@websocket-spaces/client'
import { createHub, loadConfig } from '@websocket-spaces/hub'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCommand, type ChildCommand } from '../src/verify/child-command.ts'

export const ADMIN_PASSWORD = 'a-password-for-tests'

/** A real hub on a free port, with a database of its own, that can be stopped and started again. */
export interface RealHub extends AsyncDisposable {
  readonly url: string
  readonly home: string
  readonly admin: () => Promise<SpacesClient>
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
  /** A command of the CLI in a process of its own, whose user has an empty home. */
  readonly run: (args: readonly string[], env?: Readonly<Record<string, string>>) => ChildCommand
}

export async function realHub(): Promise<RealHub> {
  const home = await mkdtemp(join(tmpdir(), 'spaces-cli-test-'))
  const commands = new AsyncDisposableStack()
  const settings = { HOST: '127.0.0.1', DATA_DIR: join(home, 'data'), ADMIN_PASSWORD, LOG_LEVEL: 'silent' }
  let hub = await createHub(loadConfig({ ...settings, PORT: '0' }))
  const { url, port } = await hub.listen()
  return {
    url,
    home,
    async admin() {
      const client = new SpacesClient({ host: url })
      await client.signIn('admin', ADMIN_PASSWORD)
      return client
    },
    stop: () => hub.close(),
    async start() {
      hub = await createHub(loadConfig({ ...settings, PORT: String(port) }))
      await hub.listen()
    },
    run(args, env = {}) {
      const own = { HOME: home, XDG_CONFIG_HOME: join(home, 'config'), NO_COLOR: '1', LANG: 'C', LC_ALL: '', ADMIN_PASSWORD }
      return commands.use(startCommand(args, { ...process.env, ...own, ...env }))
    },
    async [Symbol.asyncDispose]() {
      await commands.disposeAsync()
      await hub.close()
      await rm(home, { recursive: true, force: true })
    },
  }
}
