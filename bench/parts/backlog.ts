/** Whether a long queue makes handing out slow. */
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import type { SpaceId, UserId } from '@websocket-spaces/protocol'
import type { Part } from '../part.ts'
import { startProcess } from '../processes/start.ts'
import { makeFolder, type RunningHub, startHub } from '../stage.ts'
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
export const backlogPart: Part = async ({ quick, log, profile }) => {
  const rounds = quick ? 2 : 7
  await using stack = new AsyncDisposableStack()
  const queues: Queue[] = []
  for (const waiting of [1_000, quick ? 20_000 : 1_000_000]) {
    queues.push(await fill(stack, waiting, rounds * (EACH + 1), profile))
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
    `From the result of one request to the arrival of the next, at an app that takes one at a time: two commits with synchronous=FULL. ` +
      `Medians of ${rounds} rounds of ${EACH} requests, with both queues in turn.`,
    table(
      ['waiting', 'p50 ms', 'p99 ms', 'max ms'],
      queues.map((queue) => [count(queue.waiting), ms(of(queue, 'p50')), ms(of(queue, 'p99')), ms(of(queue, 'max'))]),
    ),
    `Ratio of the p50: ${ratio.toFixed(2)}`,
  ].join('\n\n')
}

/** A hub with a space in which so many wait, and a few more that will be handed out. */
async function fill(stack: AsyncDisposableStack, waiting: number, handedOut: number, profile: string | undefined): Promise<Queue> {
  const folder = stack.use(await makeFolder())
  const { spaceId, userId, space } = await prepare(folder.path)
  insertRequests(join(folder.path, 'hub.sqlite'), { spaceId, userId, requests: waiting + handedOut })
  const hub = stack.use(await startHub(folder.path, { profile }))
  return { waiting, hub, space, rounds: [] }
}

async function prepare(dataDir: string): Promise<{ spaceId: SpaceId; userId: UserId; space: string }> {
  await using hub = await startHub(dataDir)
  const { id, owner, name } = await hub.client.createSpace({ name: 'long', max_queue: 100_000 })
  return { spaceId: id, userId: hub.userId, space: `${owner}/${name}` }
}

/** Written past the hub, which would not let so many wait. */
function insertRequests(path: string, { spaceId, userId, requests }: { spaceId: SpaceId; userId: UserId; requests: number }): void {
  const db = new DatabaseSync(path)
  const at = Date.now() - requests
  const request = db.prepare(
    `insert into requests (id, space_id, user_id, status, input, attempt, last_seq, output_chars, created_at)
     values (?, ?, ?, 'queued', '{"prompt":"waiting"}', 0, 1, 0, ?)`,
  )
  const event = db.prepare(
    `insert into request_events (request_id, seq, type, data, at) values (?, 1, 'status', '{"status":"queued","attempt":0}', ?)`,
  )
  db.exec('pragma synchronous = off; begin')
  for (let index = 0; index < requests; index += 1) {
    const id = timeOrderedId(at + index, index)
    request.run(id, spaceId, userId, at + index)
    event.run(id, at + index)
  }
  db.exec('commit')
  db.close()
}

/** A UUIDv7 that needs no random bits: one a millisecond. */
function timeOrderedId(at: number, index: number): string {
  const time = at.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${index.toString(16).padStart(12, '0')}`
}
