import { setTimeout as sleep } from 'node:timers/promises'
import { createHub, type Hub, loadConfig } from '@websocket-spaces/hub'
import { ADMIN_PASSWORD } from './hub-process.ts'
import { makeTempDir } from './temp-dir.ts'

export interface LocalHub extends AsyncDisposable {
  readonly url: string
  readonly hub: Hub
}

/** A hub inside the test's own process, on a free port and a fresh data directory. */
export async function startLocalHub(env: Readonly<Record<string, string>> = {}): Promise<LocalHub> {
  const data = await makeTempDir()
  const settings = { HOST: '127.0.0.1', PORT: '0', DATA_DIR: data.path, ADMIN_PASSWORD, LOG_LEVEL: 'silent' }
  const hub = await createHub(loadConfig({ ...settings, ...env }))
  const { port } = await hub.listen()
  return {
    url: `http://127.0.0.1:${port}`,
    hub,
    async [Symbol.asyncDispose]() {
      await hub.close()
      await data[Symbol.asyncDispose]()
    },
  }
}

/** Runs the work and fails when it leaves timers, sockets or servers behind. */
export async function expectNoLeak(work: () => Promise<void>): Promise<void> {
  const before = census()
  await work()
  let left: string[] = []
  // Sockets close in their own time, so it is asked a few times.
  for (let turn = 0; turn < 50; turn++) {
    left = more(census(), before)
    if (left.length === 0) return
    await sleep(100)
  }
  throw new Error(`left behind: ${left.join(', ')}`)
}

/** Keep-alive connections of this process's own `fetch` come and go by themselves and are told apart by nothing, so idle timers count as well. */
function census(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}

function more(now: Map<string, number>, before: Map<string, number>): string[] {
  return [...now]
    .filter(([kind, count]) => count > (before.get(kind) ?? 0))
    .map(([kind, count]) => `${count - (before.get(kind) ?? 0)} ${kind}`)
}
