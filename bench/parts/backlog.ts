/** Whether a long queue makes handing out slow. */
import type { SpaceId, UserId } from '@websocket-spaces/protocol'
import type { Database, Home } from '../databases.ts'
import type { Part } from '../part.ts'
import { startProcess } from '../processes/start.ts'
import { type RunningHub, startHub } from '../stage.ts'
import { median, type Summary, summary } from '../statistics.ts'
import { count, ms, table } from '../table.ts'

/** Requests handed out in one round. */
const EACH = 200
const MOST_MS = 60_000

interface Queue {
  readonly waiting: number
  readonly hub: RunningHub
  readonly space: string
  readonly rounds: Summary[]
}

/** From an app's result to its next request, with few and with very many waiting. */
export const backlogPart: Part = async ({ quick, log, profile, database }) => {
  const rounds = quick ? 2 : 7
  await using stack = new AsyncDisposableStack()
  const queues: Queue[] = []
  for (const waiting of [1_000, quick ? 20_000 : 1_000_000]) {
    queues.push(await fill(stack, database, waiting, rounds * (EACH + 1), profile))
    log(`${count(waiting)} requests wait`)
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const queue of round % 2 === 0 ? queues : queues.toReversed()) {
      await using app = await startProcess('backlog-app')
      const { space, hub } = queue
      queue.rounds.push(await app.call('work', { port: hub.port, token: hub.token, space, requests: EACH, mostMs: MOST_MS }, summary))
    }
    log(`round ${round + 1} of ${rounds}`)
  }
  const of = (queue: Queue, figure: keyof Summary): number => median(queue.rounds.map((one) => one[figure]))
  const [short, long] = queues
  const ratio = short === undefined || long === undefined ? Number.NaN : of(long, 'p50') / of(short, 'p50')
  return [
    `From the result of one request to the arrival of the next, at an app that takes one at a time: two commits with ${database.commits}. ` +
      `Medians of ${rounds} rounds of ${EACH} requests, with both queues in turn.`,
    table(
      ['waiting', 'p50 ms', 'p99 ms', 'max ms'],
      queues.map((queue) => [count(queue.waiting), ms(of(queue, 'p50')), ms(of(queue, 'p99')), ms(of(queue, 'max'))]),
    ),
    `Ratio of the p50: ${ratio.toFixed(2)}`,
  ].join('\n\n')
}

/** A hub with a space in which so many wait, and a few more that will be handed out. */
async function fill(
  stack: AsyncDisposableStack,
  database: Database,
  waiting: number,
  handedOut: number,
  profile: string | undefined,
): Promise<Queue> {
  const home = stack.use(await database.makeHome())
  const { spaceId, userId, space } = await prepare(home)
  await home.execute(...insertRequests(database, { spaceId, userId, requests: waiting + handedOut }))
  const hub = stack.use(await startHub(home, { profile }))
  return { waiting, hub, space, rounds: [] }
}

async function prepare(home: Home): Promise<{ spaceId: SpaceId; userId: UserId; space: string }> {
  await using hub = await startHub(home)
  const { id, owner, name } = await hub.client.createSpace({ name: 'long', max_queue: 100_000 })
  return { spaceId: id, userId: hub.userId, space: `${owner}/${name}` }
}

/**
 * Written past the hub, which would not let so many wait, as if one user had submitted one a millisecond: their ids are
 * UUIDv7 that need no random bits, and their turns are one round each.
 */
function insertRequests(
  { name }: Database,
  { spaceId, userId, requests }: { spaceId: SpaceId; userId: UserId; requests: number },
): readonly string[] {
  const from = Date.now() - requests
  const hex = (number: string): string => (name === 'sqlite' ? `printf('%012x', ${number})` : `lpad(to_hex(${number}), 12, '0')`)
  const at = `${from} + i`
  const id = `substr(${hex(at)}, 1, 8) || '-' || substr(${hex(at)}, 9) || '-7000-8000-' || ${hex('i')}`
  return [
    `insert into requests (id, space_id, user_id, status, priority, turn, input, attempt, last_seq, output_chars, created_at)
     with recursive series(i) as (select 0 union all select i + 1 from series where i + 1 < ${requests})
     select ${id}, '${spaceId}', '${userId}', 'queued', 1, 2 * (i + 1), '{"prompt":"waiting"}', 0, 1, 0, ${at} from series`,
  ]
}
