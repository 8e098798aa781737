/**
 * The app's own queue: requests handed to us, run `concurrency` at a time, oldest first.
 *
 * When the connection is lost, waiting requests go back to the hub, which hands them out again.
 * Running ones go on as orphans: the hub may hand the same request back to us (it restarted, or the
 * network hiccuped), and then they are adopted, not run twice. Whatever is still an orphan a moment
 * after we are back belongs to someone else, and is aborted.
 */
import { LIMITS, requestResult, TIMING, type InferenceRequest, type InferenceResult, type ReportRefused } from '@websocket-spaces/protocol'
import { createCondition } from './condition.ts'
import { createContext, type RunOutput } from './run-context.ts'
import { RunAborted, type AbortReason, type RequestHandler, type RunContext, type ServedRequest, type ServeEvent } from './types.ts'

export interface RunsOptions {
  readonly concurrency: number
  readonly onRequest: RequestHandler
  readonly onEvent: (event: ServeEvent) => void
  readonly send: (event: string, message: object) => void
  readonly finish: (message: InferenceResult) => void
}

interface Run {
  readonly request: ServedRequest
  readonly controller: AbortController
  phase: 'waiting' | 'running'
  /** Running, but the hub does not count it as ours at the moment. */
  orphan: boolean
  output: RunOutput | undefined
}

/** Milliseconds in which the hub hands back what is still ours: it may first have to give up our old, silent connection. */
const ADOPT_WITHIN_MS = TIMING.heartbeatGiveUp + 5_000

export class Runs {
  readonly #options: RunsOptions
  readonly #runs = new Map<string, Run>()
  readonly #idle = createCondition(() => this.#active === 0)
  #active = 0
  #draining = false
  #adoption: NodeJS.Timeout | undefined

  constructor(options: RunsOptions) {
    this.#options = options
  }

  accept(message: InferenceRequest): void {
    const known = this.#runs.get(message.request_id)
    if (known !== undefined) return this.#adopt(known)
    if (this.#draining) return
    const request = toServedRequest(message)
    this.#runs.set(request.id, { request, controller: new AbortController(), phase: 'waiting', orphan: false, output: undefined })
    this.#options.onEvent({ type: 'request', request, held: this.#runs.size })
    this.#startNext()
  }

  cancel(requestId: string, reason: AbortReason): void {
    const run = this.#runs.get(requestId)
    if (run !== undefined) this.#abort(run, reason)
  }

  refused({ request_id: requestId, code }: ReportRefused): void {
    const run = requestId === null ? undefined : this.#runs.get(requestId)
    if (run === undefined) return
    if (code === 'request_finished' || code === 'not_found') this.#abort(run, 'not_ours')
    if (code !== 'stale_lease' || run.orphan) return
    run.orphan = true
    this.#expectAdoption()
  }

  connectionLost(): void {
    clearTimeout(this.#adoption)
    this.#giveUpWaiting()
    for (const run of this.#runs.values()) run.orphan = true
  }

  connectionBack(): void {
    this.#expectAdoption()
  }

  /** Takes nothing new, gives up what waits, and resolves when nothing runs. */
  drain(): Promise<void> {
    this.#draining = true
    this.#giveUpWaiting()
    return this.#idle.met()
  }

  /** Takes nothing new and aborts everything. */
  stop(): void {
    this.#draining = true
    clearTimeout(this.#adoption)
    this.#giveUpWaiting()
    for (const run of this.#runs.values()) this.#abort(run, 'closed')
  }

  #giveUpWaiting(): void {
    for (const run of this.#runs.values()) if (run.phase === 'waiting') this.#runs.delete(run.request.id)
  }

  #adopt(run: Run): void {
    if (!run.orphan) return
    run.orphan = false
    this.#options.onEvent({ type: 'request_kept', requestId: run.request.id })
    run.output?.replay()
  }

  #expectAdoption(): void {
    clearTimeout(this.#adoption)
    this.#adoption = setTimeout(() => {
      for (const run of this.#runs.values()) if (run.orphan) this.#abort(run, 'not_ours')
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
    const { signal } = run.controller
    const output = createContext(run.request.id, signal, (event, message) => {
      if (!run.orphan) this.#options.send(event, message)
    })
    run.output = output
    run.phase = 'running'
    this.#active += 1
    const startedAt = performance.now()
    this.#options.onEvent({ type: 'started', request: run.request })
    const outcome = await this.#outcomeOf(run, output.context)
    output.end()
    if (!signal.aborted) this.#finish(run, startedAt, outcome)
    this.#active -= 1
    this.#startNext()
    this.#idle.changed()
  }

  async #outcomeOf(run: Run, context: RunContext): Promise<Checked> {
    try {
      return checkResult(await this.#options.onRequest(run.request, context))
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) }
    }
  }

  #finish(run: Run, startedAt: number, outcome: Checked): void {
    const { id } = run.request
    const seconds = (performance.now() - startedAt) / 1000
    this.#runs.delete(id)
    if ('error' in outcome) {
      this.#options.onEvent({ type: 'failed', requestId: id, seconds, error: outcome.error })
      this.#options.finish({ request_id: id, status: 'failed', result: { error: outcome.error.slice(0, LIMITS.logLineChars) } })
    } else {
      this.#options.onEvent({ type: 'completed', requestId: id, seconds })
      this.#options.finish({ request_id: id, status: 'completed', result: outcome.result })
    }
  }

  #abort(run: Run, reason: AbortReason): void {
    this.#runs.delete(run.request.id)
    run.controller.abort(new RunAborted(reason))
    this.#options.onEvent({ type: 'stopped', requestId: run.request.id, reason })
    this.#startNext()
  }
}

type Checked = { readonly result: NonNullable<InferenceResult['result']> } | { readonly error: string }

/** What a handler returned may be anything at run time; only JSON can travel. */
function checkResult(returned: unknown): Checked {
  const parsed = requestResult.safeParse(returned)
  if (!parsed.success) return { error: 'The app returned a result that is not a JSON object' }
  const bytes = Buffer.byteLength(JSON.stringify(parsed.data))
  if (bytes > LIMITS.packetBytes / 2)
    return { error: `The app's result is too large (${bytes} bytes; at most ${LIMITS.resultBytes} are accepted)` }
  return { result: parsed.data }
}

function toServedRequest(message: InferenceRequest): ServedRequest {
  return {
    id: message.request_id,
    username: message.username,
    prompt: message.payload.prompt,
    payload: message.payload,
    attempt: message.attempt,
    deadlineSeconds: message.deadline_seconds,
  }
}
