import { join } from 'node:path'
import { freePort } from '../../packages/hub/test/support/server-process.ts'
import { type Child, startChild } from './child.ts'
import { eventually } from './eventually.ts'
import { makeTempDir } from './temp-dir.ts'

export const ADMIN_PASSWORD = 'a-password-for-tests'
/** Milliseconds; much for a hub, not for several that start together on a busy machine. */
const START_WITHIN = 90_000
const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts')

/** A hub in a process of its own, so that it can be killed; its data and its port outlive it. */
export interface HubProcess extends AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  readonly child: Child
  /** SIGKILL: nothing is flushed, nobody is told. */
  kill(): Promise<void>
  /** Starts it again on the same data and port; resolves when it answers. */
  start(): Promise<void>
}

/** @param onLine told each line it prints, of all its lives */
export async function startHubProcess(env: Readonly<Record<string, string>> = {}, onLine?: (line: string) => void): Promise<HubProcess> {
  const data = await makeTempDir()
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const settings = { HOST: '127.0.0.1', PORT: String(port), DATA_DIR: data.path, ADMIN_PASSWORD, LOG_LEVEL: 'warn', LANG: 'C', LC_ALL: '' }
  let child: Child | undefined

  async function start(): Promise<void> {
    const started = startChild(process.execPath, [MAIN, 'serve'], {
      env: { ...settings, ...env },
      patience: START_WITHIN,
      ...(onLine === undefined ? {} : { onLine }),
    })
    child = started
    let ended = false
    void started.exit().then(
      () => (ended = true),
      () => undefined,
    )
    await eventually(async () => ended || (await isReady(url)), Boolean, START_WITHIN)
    if (ended) throw new Error(`the hub did not start:\n${started.lines.join('\n')}`)
  }

  async function kill(): Promise<void> {
    await child?.[Symbol.asyncDispose]()
  }

  await start()
  return {
    url,
    dataDir: data.path,
    get child() {
      if (child === undefined) throw new Error('the hub was never started')
      return child
    },
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill()
      await data[Symbol.asyncDispose]()
    },
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
