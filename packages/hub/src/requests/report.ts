import { setTimeout as sleep } from 'node:timers/promises'
import {
  type inferenceLog,
  type inferenceOutput,
  type inferenceProgress,
  type inferenceResult,
  LIMITS,
  type Outcome,
  type RequestId,
  SpacesError,
} from '@websocket-spaces/protocol'
import type { z } from 'zod'
import type { Connection, Held } from '../spaces/connections.ts'
import { announceChange } from './announce.ts'
import type { AppendBuffer } from './append-buffer.ts'
import { noteOutcome } from './capacity.ts'
import { type Leases, refOf } from './leases.ts'
import { failure } from './lifecycle.ts'
import type { Bus, Report, RequestStore } from './ports.ts'
import type { QueueBoard } from './queue-board.ts'

/** Together a minute or more, as much as a database takes to come back. */
const RESULT_TRIES = 120
const RESULT_AGAIN_MS = 500

export interface ReportDeps {
  readonly store: RequestStore
  readonly bus: Bus
  readonly buffer: AppendBuffer
  readonly leases: Leases
  readonly board: QueueBoard
  readonly now: () => number
}

/**
 * What apps say about the requests they hold. Every method resolves when it is stored and throws
 * `not_found`, `request_finished` or `stale_lease` when it is not theirs to say.
 */
export class Reports {
  readonly #deps: ReportDeps

  constructor(deps: ReportDeps) {
    this.#deps = deps
  }

  async progress(connection: Connection, { request_id, progress, message }: z.output<typeof inferenceProgress>): Promise<void> {
    await this.#add(connection, request_id, { type: 'progress', progress, ...(message === undefined ? {} : { message }) })
  }

  async output(connection: Connection, { request_id, text }: z.output<typeof inferenceOutput>): Promise<void> {
    await this.#add(connection, request_id, { type: 'output', text })
  }

  async log(connection: Connection, { request_id, level, line }: z.output<typeof inferenceLog>): Promise<void> {
    await this.#add(connection, request_id, { type: 'log', level, line })
  }

  async result(connection: Connection, message: z.output<typeof inferenceResult>): Promise<void> {
    const held = connection.held.get(message.request_id) ?? (await this.#refuse(connection, message.request_id))
    await inOrder(held, () => this.#finish(connection, held, outcomeOf(message)))
  }

  async #finish(connection: Connection, held: Held, outcome: Outcome): Promise<void> {
    const { store, bus, buffer, leases, now } = this.#deps
    // What was reported before the result comes before it in the log.
    await buffer.flush()
    // It is about to come back and say what is missing, and its result after that.
    if (buffer.isTorn(held.requestId, refOf(connection, held))) throw new SpacesError('storage_unavailable')
    const applied = await this.#outlast(connection, () =>
      store.apply(held.requestId, { type: 'reported', by: refOf(connection, held), at: now(), outcome }),
    )
    if (connection.held.get(held.requestId) === held) leases.settle(held.requestId)
    if (!applied.ok) throw new SpacesError(applied.code)
    noteOutcome(connection, outcome, now())
    announceChange(bus, applied.request, applied.events)
  }

  /**
   * Tries again while the database is away and the app is there: one that asked for no acknowledgement never says
   * its result a second time, and its request would stand until the deadline.
   */
  async #outlast<T>(connection: Connection, store: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await store()
      } catch (error) {
        const passes = error instanceof SpacesError && error.code === 'storage_unavailable'
        if (!passes || connection.state === 'gone' || tries === RESULT_TRIES) throw error
        await sleep(RESULT_AGAIN_MS)
      }
    }
  }

  async #add(connection: Connection, id: RequestId, report: Report): Promise<void> {
    const { leases, buffer } = this.#deps
    const held = connection.held.get(id) ?? (await this.#refuse(connection, id))
    const { stored } = await inOrder(held, async () => {
      const by = refOf(connection, held)
      try {
        await leases.begin(connection, held)
      } catch (error) {
        buffer.tear(id, by)
        throw error
      }
      return { stored: buffer.add(id, by, report) }
    })
    await stored
  }

  async #refuse(connection: Connection, id: RequestId): Promise<never> {
    const request = await this.#deps.store.find(id)
    // Another space's requests do not exist for this app.
    if (request === null || request.spaceId !== connection.spaceId) throw new SpacesError('not_found')
    throw new SpacesError(request.phase.at === 'finished' ? 'request_finished' : 'stale_lease')
  }
}

/** Reports of one request are taken in the order they arrived, also while its start is still being stored. */
async function inOrder<T>(held: Held, take: () => Promise<T>): Promise<T> {
  const taken = held.arrivals.then(take)
  held.arrivals = taken.then(
    () => undefined,
    () => undefined,
  )
  return taken
}

function outcomeOf({ status, result }: z.output<typeof inferenceResult>): Outcome {
  if (Buffer.byteLength(JSON.stringify(result)) > LIMITS.resultBytes) {
    return failure(new SpacesError('result_too_large', { limit: LIMITS.resultBytes }))
  }
  if (status === 'completed') return { status, result }
  if (status === 'canceled') return { status }
  const said = typeof result.error === 'string' && result.error !== '' ? result.error.slice(0, LIMITS.logLineChars) : undefined
  return { status, error: { code: 'app_failed', message: said ?? new SpacesError('app_failed').message }, result }
}
