/** Many readers of one stream. */
import { z } from 'zod'
import type { Part } from '../part.ts'
import { cpu, startProcess } from '../processes/start.ts'
import { startEchoApp, startHub } from '../stage.ts'
import { median } from '../statistics.ts'
import { ms, table } from '../table.ts'

const nothing = z.unknown()
const finished = z.object({ finishedAt: z.number(), p50: z.number(), p99: z.number(), events: z.number() })

/** Followers by server-sent events of a request whose app streams at a fixed pace; each must get every piece once, in order. */
export const followersPart: Part = async ({ quick, log, profile, database }) => {
  const rounds = quick ? 1 : 5
  const followers = 100
  const deltas = quick ? 100 : 500
  const perSecond = 100
  const ideal = deltas / perSecond
  await using stack = new AsyncDisposableStack()
  const home = stack.use(await database.makeHome())
  const hub = stack.use(await startHub(home, { profile }))
  const space = await hub.client.createSpace({ name: 'stream' })
  const reference = `${space.owner}/${space.name}`
  const runs: { seconds: number; p50: number; p99: number; events: number; hubCpu: number }[] = []
  for (let round = 0; round < rounds; round += 1) {
    await using app = await startEchoApp(hub.port, reference, hub.token)
    await using readers = await startProcess('followers')
    const { id } = await hub.client.submit(reference, { prompt: 'stream' })
    const path = `/api/v1/requests/${id}/events`
    await readers.call('open', { port: hub.port, path, authorization: hub.authorization, followers }, nothing)
    const before = await hub.process.call('cpu', null, cpu)
    const startedAt = await app.call('stream', { deltas, perSecond }, z.number())
    const { finishedAt, p50, p99, events } = await readers.call('finish', { deltas }, finished)
    const { cpuMs } = await hub.process.call('cpu', null, cpu)
    const seconds = (finishedAt - startedAt) / 1000
    runs.push({ seconds, p50, p99, events, hubCpu: (cpuMs - before.cpuMs) / 1000 / seconds })
    log(`round ${round + 1} of ${rounds}: ${seconds.toFixed(3)} s`)
  }
  const of = (figure: 'seconds' | 'p50' | 'p99' | 'events' | 'hubCpu'): number => median(runs.map((run) => run[figure]))
  const over = (of('seconds') / ideal - 1) * 100
  return [
    `${followers} followers by server-sent events, ${deltas} output deltas at ${perSecond} a second: ideally ${ideal.toFixed(1)} s from the first delta to the result. ` +
      `Median of ${rounds} rounds. Every follower got every delta once and in order, or the run would have failed. ` +
      'The hub stores what is streamed before it passes it on, in batches of 50 ms; the lag of a delta contains the wait for its batch.',
    table(
      ['last follower has the result after', 'over the ideal', 'lag of a delta, p50 ms', 'p99 ms', 'events each', 'CPU of the hub'],
      [
        [
          `${of('seconds').toFixed(3)} s`,
          `${over.toFixed(1)} %`,
          ms(of('p50')),
          ms(of('p99')),
          String(of('events')),
          `${Math.round(of('hubCpu') * 100)} %`,
        ],
      ],
    ),
  ].join('\n\n')
}
