/**
 * The app's own queue: requests handed to us, run `concurrency` at a time, oldest first.
 *
 *   waiting ──▶ running ──canceled──▶ stopping
 *                  └───── returns, throws ─────┴──▶ its result goes to the outbox
 *
 * When the connection is lost, waiting requests go back to the hub, which hands them out again. The others go
 * on as orphans: the hub says at the next registration which of them are still ours, and those lose nothing.
 * What it hands out anew while it runs here is adopted, not run twice. Whatever is still an orphan a moment
 * after we are back belongs to someone else, and is aborted. A handler that ignores that keeps its slot.
 */
import type { LeasedRequest, LeaseId, ReportRefused } from '@websocket-spaces/protocol'
import { createCondition } from './condition.ts'
import { type Checked, checkResult, type ResultMessage, resultMessage } from './check-result.ts'
import { createContext, type RunOutput } from './run-context.ts'
import { RunAborted, type AbortReason, type RequestHandler, type RunContext, type ServedRequest, type ServeEvent } from './types.ts'

/** What the app has of a request when it is over, for the hub. */
export interface Finished {
  readonly message: ResultMessage
  readonly leaseId: LeaseId | undefined
  /** What the run said, to be said again as far as the hub lacks it; a canceled one has nothing more to say. */
  readonly output: RunOutput | undefined
}

export interface RunsOptions {
  readonly concurrency: number
  readonly onRequest: RequestHandler
  readonly onEvent: (event: ServeEvent) => void
  readonly send: (event: string, message: object) => void
  readonly finish: (finished: Finished) => void
}

interface Run {
  readonly request: ServedRequest
  readonly controller: AbortController
  /** The newest lease; hubs of the first kind name none. */
  leaseId: LeaseId | undefined
  /** `stopping`: canceled, but its handler has not ended. */
  phase: 'waiting' | 'running' | 'stopping'
  /** Not waiting, but the hub does not count it as ours at the moment. */
  orphan: boolean
  output: RunOutput | undefined
}

/** Milliseconds in which the hub hands back what is still ours, though it did not let us go on with it. */
const ADOPT_WITHIN_MS = 3_000

export class Runs {
  readonly #options: RunsOptions
  readonly #runs = new Map<string, Run>()
  readonly #idle = createCondition(() => this.#runs.size === 0)
  #active = 0
  /** `closing`: the hub does not know yet that we leave, and takes a request for a free slot to be running. */
  #intake: 'open' | 'closing' | 'closed' = 'open'
  #adoption: NodeJS.Timeout | undefined

  constructor(options: RunsOptions) {
    this.#options = options
  }

  /** Requests whose handlers have not ended, those that were lost excepted. */
  get unfinished(): number {
    return [...this.#runs.values()].filter((run) => run.phase !== 'waiting').length
  }

  accept(request: ServedRequest, leaseId: LeaseId | undefined): void {
    const known = this.#runs.get(request.id)
    if (known !== undefined) {
      if (known.phase !== 'stopping') return this.#adopt(known, leaseId)
      // A line repeats what it carries: under the same lease it is what was just canceled, and not to be begun again.
      if (leaseId !== undefined && known.leaseId === leaseId) return
    }
    if (this.#intake === 'closed' || (this.#intake === 'closing' && this.#active >= this.#options.concurrency)) return
    const controller = new AbortController()
    this.#runs.set(request.id, { request, leaseId, controller, phase: 'waiting', orphan: false, output: undefined })
    this.#options.onEvent({ type: 'request', request, held: this.#runs.size })
    this.#startNext()
  }

  cancel(requestId: string, reason: AbortReason): void {
    const run = this.#runs.get(requestId)
    if (run === undefined) return
    if (reason === 'canceled') this.#stop(run)
    else this.#lose(run, reason)
  }

  refused({ request_id: requestId, code }: ReportRefused): void {
    const run = requestId === null ? undefined : this.#runs.get(requestId)
    if (run === undefined) return
    if (code === 'request_finished' || code === 'not_found') this.#lose(run, 'lease_lost')
    if (code !== 'stale_lease' || run.orphan) return
    orphan(run)
    this.#expectAdoption()
  }

  /** All that we hold, for the hub to renew. */
  held(): LeasedRequest[] {
    return leased([...this.#runs.values()].filter((run) => !run.orphan))
  }

  /** What a new connection may go on with. */
  resumable(): LeasedRequest[] {
    return leased([...this.#runs.values()].filter((run) => run.phase !== 'waiting'))
  }

  connectionLost(): void {
    clearTimeout(this.#adoption)
    this.#giveUpWaiting()
    for (const run of this.#runs.values()) orphan(run)
  }

  /** @param resumed how many characters of its output the hub has, of each request that goes on. */
  connectionBack(resumed: ReadonlyMap<string, number>): void {
    for (const run of this.#runs.values()) {
      const chars = resumed.get(run.request.id)
      if (chars === undefined || !run.orphan) continue
      run.orphan = false
      this.#options.onEvent({ type: 'resumed', requestId: run.request.id })
      run.output?.replay(chars)
    }
    this.#expectAdoption()
  }

  /** Gives up what waits; takes only what the hub must believe to be running, until `closeIntake`. */
  drain(): void {
    this.#intake = 'closing'
    this.#giveUpWaiting()
  }

  closeIntake(): void {
    this.#intake = 'closed'
  }

  /** Resolves when nothing is left here. */
  idle(): Promise<void> {
    return this.#idle.met()
  }

  /** Takes nothing new and aborts everything. */
  stop(): void {
    this.#intake = 'closed'
    clearTimeout(this.#adoption)
    this.#giveUpWaiting()
    for (const run of this.#runs.values()) this.#lose(run, 'closed')
  }

  #giveUpWaiting(): void {
    for (const run of this.#runs.values()) if (run.phase === 'waiting') this.#remove(run)
  }

  #remove(run: Run): void {
    this.#runs.delete(run.request.id)
    this.#idle.changed()
  }

  /** Handed out again while it is here: a new lease, and to the hub a new attempt that has said nothing yet. */
  #adopt(run: Run, leaseId: LeaseId | undefined): void {
    if (!run.orphan && run.leaseId === leaseId) return
    run.leaseId = leaseId
    run.orphan = false
    this.#options.onEvent({ type: 'request_kept', requestId: run.request.id })
    run.output?.replay(0)
  }

  #expectAdoption(): void {
    clearTimeout(this.#adoption)
    this.#adoption = setTimeout(() => {
      for (const run of this.#runs.values()) if (run.orphan) this.#lose(run, 'lease_lost')
    }, ADOPT_WITHIN_MS)
    this.#adoption.unref()
  }

  #startNext(): void {
    for (const run of this.#runs.values()) {
      if (this.#active >= this.#options.concurrency) return
      if (run.phase === 'waiting') void this.#execute(run)
    }
  }

  async #execute(run: Run): Promise<void> {
    const { id } = run.request
    const output = createContext(id, run.controller.signal, this.#options.send)
    run.output = output
    run.phase = 'running'
    this.#active += 1
    const startedAt = performance.now()
    this.#options.onEvent({ type: 'started', request: run.request })
    const outcome = await this.#outcomeOf(run, output.context)
    output.end()
    this.#active -= 1
    if (this.#runs.get(id) === run) this.#finish(run, startedAt, outcome)
    this.#startNext()
  }

  async #outcomeOf(run: Run, context: RunContext): Promise<Checked> {
    try {
      return checkResult(await this.#options.onRequest(run.request, context))
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) }
    }
  }

  #finish(run: Run, startedAt: number, outcome: Checked): void {
    if (run.phase === 'stopping') return this.#confirm(run)
    const { id } = run.request
    const seconds = (performance.now() - startedAt) / 1000
    if ('error' in outcome) this.#options.onEvent({ type: 'failed', requestId: id, seconds, error: outcome.error })
    else this.#options.onEvent({ type: 'completed', requestId: id, seconds })
    this.#options.finish({ message: resultMessage(id, outcome), leaseId: run.leaseId, output: run.output })
    this.#remove(run)
  }

  /** Canceled: the hub is told once the handler has really ended. */
  #stop(run: Run): void {
    if (run.phase === 'stopping') return
    const running = run.phase === 'running'
    run.phase = 'stopping'
    run.controller.abort(new RunAborted('canceled'))
    this.#options.onEvent({ type: 'stopped', requestId: run.request.id, reason: 'canceled' })
    if (!running) this.#confirm(run)
  }

  #confirm(run: Run): void {
    const message: ResultMessage = { request_id: run.request.id, status: 'canceled', result: {} }
    this.#options.finish({ message, leaseId: run.leaseId, output: undefined })
    this.#remove(run)
  }

  /** It is not ours any more. */
  #lose(run: Run, reason: AbortReason): void {
    this.#remove(run)
    if (run.phase === 'stopping') return
    run.controller.abort(new RunAborted(reason))
    this.#options.onEvent({ type: 'stopped', requestId: run.request.id, reason })
  }
}

function orphan(run: Run): void {
  run.orphan = true
  run.output?.hold()
}

function leased(runs: readonly Run[]): LeasedRequest[] {
  return runs.flatMap(({ request, leaseId }) => (leaseId === undefined ? [] : [{ request_id: request.id, lease_id: leaseId }]))
}
