/** What a connected app costs that does nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Part, PartOptions } from '../part.ts'
import { type BenchProcess, startProcess, usage } from '../processes/start.ts'
import { startHub } from '../stage.ts'
import { count, table } from '../table.ts'

const joined = z.object({ connected: z.number(), seconds: z.number() })
const SPACES = 100
/** Milliseconds. */
const SETTLE = 3_000
const WATCHED = 10_000
const MOST = 240_000

/** Memory and CPU of idle apps at the hub and at the bare relay. */
export const idlePart: Part = async (options) => {
  const apps = options.apps ?? (options.quick ? 500 : 10_000)
  await using stack = new AsyncDisposableStack()
  const relay = stack.use(await startProcess('relay'))
  const bare = await measure(
    'bare relay',
    relay,
    await relay.call('port', null, z.number()),
    { token: 'none', spaces: ['bench'] },
    apps,
    options,
  )
  const home = stack.use(await options.database.makeHome())
  const hub = stack.use(await startHub(home, { profile: options.profile }))
  const spaces: string[] = []
  for (let index = 0; index < SPACES; index += 1) {
    const { owner, name } = await hub.client.createSpace({ name: `space-${index}` })
    spaces.push(`${owner}/${name}`)
  }
  const ours = await measure('hub', hub.process, hub.port, { token: hub.token, spaces }, apps, options)
  const rows = [bare, ours].map(({ name, connected, kbEach, cpu, seconds }) => [
    name,
    count(connected),
    kbEach.toFixed(1),
    `${(cpu * 100).toFixed(1)} %`,
    seconds.toFixed(1),
  ])
  return [
    `${count(apps)} apps connect over WebSocket, register and stay, spread over ${SPACES} spaces at the hub. Growth of resident memory after a collection, by connection. ` +
      'The hub asks every app for a sign of life each second, so that pages show within two seconds that one is gone; the relay, with the defaults of Socket.IO, every 25 s.',
    table(['', 'still connected', 'kB each', `CPU while idle`, 'seconds to connect all'], rows),
    `Ratio of memory, hub by bare relay: ${(ours.kbEach / bare.kbEach).toFixed(2)}`,
  ].join('\n\n')
}

async function measure(
  name: string,
  server: BenchProcess,
  port: number,
  how: { readonly token: string; readonly spaces: readonly string[] },
  apps: number,
  { log, quick }: PartOptions,
) {
  await using idle = await startProcess('idle-apps')
  const before = await server.call('usage', null, usage)
  const { seconds } = await idle.call('connect', { port, apps, mostMs: MOST, ...how }, joined)
  await sleep(quick ? 500 : SETTLE)
  const from = await server.call('usage', null, usage)
  const watched = quick ? 1_000 : WATCHED
  await sleep(watched)
  const until = await server.call('usage', null, usage)
  const connected = await idle.call('connected', null, z.number())
  log(`${name}: ${connected} of ${apps} connected`)
  return { name, connected, kbEach: (from.rssKb - before.rssKb) / connected, cpu: (until.cpuMs - from.cpuMs) / watched, seconds }
}
