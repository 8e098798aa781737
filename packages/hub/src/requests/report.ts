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
import { Crowd } from './crowd.ts'
import { type Leases, refOf } from './leases.ts'
import { failure, final } from './lifecycle.ts'
import { outlast } from './outlast.ts'
import type { Applied, Bus, Report, RequestStore, StoredRequest } from './ports.ts'
import type { QueueBoard } from './queue-board.ts'

/** Results of one lease that may wait for the first of them to be stored; each may be large. */
const MOST_RESULTS = 4
/** Looks into the store that one connection may cause at a time by reports that are not its own to make. */
const MOST_LOOKS = 500

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
 * `not_found`, `request_finished` or `stale_lease` when it is not theirs to say, `rate_limited` when that is too much at once.
 */
export class Reports {
  readonly #deps: ReportDeps
  /** Results of one lease: the first counts, the others hear so when that is stored. */
  readonly #finishing = new Crowd<Held>(MOST_RESULTS)
  readonly #refusing = new Crowd<Connection>(MOST_LOOKS)

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
    const turn = this.#finishing.enter(held)
    await inOrder(held, () => this.#finish(connection, held, outcomeOf(message))).finally(() => turn[Symbol.dispose]())
  }

  /** Whether a result has come in that is not stored yet, from an app that is connected here. */
  isFinishing(id: RequestId): boolean {
    const held = this.#deps.leases.find(id)?.held
    return held !== undefined && this.#finishing.has(held)
  }

  async #finish(connection: Connection, held: Held, outcome: Outcome): Promise<void> {
    const { store, bus, buffer, leases, now } = this.#deps
    // What was reported before the result comes before it in the log.
    await buffer.flush()
    // It is about to come back and say what is missing, and its result after that.
    if (buffer.isTorn(held.requestId, refOf(connection, held))) throw new SpacesError('storage_unavailable')
    const by = refOf(connection, held)
    // An app that asked for no acknowledgement never says its result a second time: its request would stand until the deadline.
    const applied = await outlast(
      () => connection.state !== 'gone',
      async (unsure) => {
        // What may be stored already is read first.
        const last = unsure ? undefined : leases.lastKnown(held.requestId)
        const answer = await store.apply(held.requestId, { type: 'reported', by, at: now(), outcome }, last)
        return unsure ? this.#recognize(answer, outcome) : answer
      },
    )
    if (connection.held.get(held.requestId) === held) leases.settle(held.requestId)
    if (!applied.ok) throw new SpacesError(applied.code)
    noteOutcome(connection, outcome, now())
    announceChange(bus, applied.request, applied.events)
  }

  /** Of a try whose answer was lost the commit may not have been: then this very outcome is stored, and nobody was told. */
  async #recognize(applied: Applied, outcome: Outcome): Promise<Applied> {
    if (applied.ok || applied.request === null || !endedAs(applied.request, outcome)) return applied
    const { request } = applied
    return { ok: true, changed: true, request, events: await this.#deps.store.events(request.id, request.lastSeq - 1, 1) }
  }

  async #add(connection: Connection, id: RequestId, report: Report): Promise<void> {
    const { leases, buffer } = this.#deps
    const held = connection.held.get(id) ?? (await this.#refuse(connection, id))
    const by = refOf(connection, held)
    leases.touched(id)
    using _room = buffer.roomFor(id, by, report)
    const { stored } = await inOrder(held, async () => {
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
    using _look = this.#refusing.enter(connection)
    const request = await this.#deps.store.find(id)
    // Another space's requests do not exist for this app.
    if (request === null || request.spaceId !== connection.spaceId) throw new SpacesError('not_found')
    throw new SpacesError(request.phase.at === 'finished' ? 'request_finished' : 'stale_lease')
  }
}

/** Reports of one request are taken in the order they arrived, also while its start is still being stored. */
function inOrder<T>(held: Held, take: () => Promise<T>): Promise<T> {
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

/** Whether a request ended as this outcome ends it: what is canceled meanwhile ends as that, whatever its app said. */
function endedAs({ phase, result, error }: StoredRequest, outcome: Outcome): boolean {
  if (phase.at !== 'finished') return false
  const said = final(outcome)
  if (phase.status === 'canceled' || said.status === 'canceled') return phase.status === 'canceled'
  if (said.status !== phase.status) return false
  const sameError = said.status === 'completed' || (said.error.code === error?.code && said.error.message === error.message)
  return sameError && JSON.stringify(said.result) === JSON.stringify(result)
}
