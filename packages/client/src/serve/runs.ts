/**
 * The app's own queue: requests handed to us, run `concurrency` at a time, oldest first.
 *
 * When the connection is lost, waiting requests go back to the hub, which hands them out again.
 * Running ones go on as orphans: the hub may hand the same request back to us (it restarted, or the
 * network hiccuped), and then they are adopted, not run twice. Whatever is still an orphan a moment
 * after we are back belongs to someone else, and is aborted.
 */
import {
  LIMITS,
  requestResult,
  TIMING,
  type InferenceRequest,
  type InferenceResult,
  type ReportRefused,
} from '@websocket-spaces/protocol'
import { createContext, type RunOutput } from './run-context.ts'
import { RunAborted, type AbortReason, type RequestHandler, type ServedRequest, type ServeEvent } from './types.ts'

export interface Runs {
  accept(message: InferenceRequest): void
  cancel(requestId: string, reason: AbortReason): void
  refused(refusal: ReportRefused): void
  connectionLost(): void
  connectionBack(): void
  /** Takes nothing new, gives up what waits, and resolves when nothing runs. */
  drain(): Promise<void>
  stop(): void
}

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

export function createRuns(options: RunsOptions): Runs {
  const runs = new Map<string, Run>()
  const idle = new Set<() => void>()
  let active = 0
  let draining = false
  let adoption: NodeJS.Timeout | undefined

  function accept(message: InferenceRequest): void {
    const known = runs.get(message.request_id)
    if (known !== undefined) return adopt(known)
    if (draining) return
    const request = toServedRequest(message)
    runs.set(request.id, { request, controller: new AbortController(), phase: 'waiting', orphan: false, output: undefined })
    options.onEvent({ type: 'request', request, held: runs.size })
    startNext()
  }

  function adopt(run: Run): void {
    if (!run.orphan) return
    run.orphan = false
    options.onEvent({ type: 'request_kept', requestId: run.request.id })
    run.output?.replay()
  }

  function startNext(): void {
    for (const run of runs.values()) {
      if (active >= options.concurrency) return
      if (run.phase === 'waiting') void execute(run)
    }
  }

  async function execute(run: Run): Promise<void> {
    const { signal } = run.controller
    const output = createContext(run.request.id, signal, (event, message) => {
      if (!run.orphan) options.send(event, message)
    })
    run.output = output
    run.phase = 'running'
    active += 1
    const startedAt = performance.now()
    options.onEvent({ type: 'started', request: run.request })
    try {
      const result = await options.onRequest(run.request, output.context)
      if (!signal.aborted) finish(run, startedAt, checkResult(result))
    } catch (error) {
      if (!signal.aborted) finish(run, startedAt, { error: error instanceof Error ? error.message : String(error) })
    }
    active -= 1
    startNext()
    if (active === 0) for (const wake of idle) wake()
  }

  function finish(run: Run, startedAt: number, outcome: Checked): void {
    const { id } = run.request
    const seconds = (performance.now() - startedAt) / 1000
    runs.delete(id)
    if ('error' in outcome) {
      options.onEvent({ type: 'failed', requestId: id, seconds, error: outcome.error })
      options.finish({ request_id: id, status: 'failed', result: { error: outcome.error.slice(0, LIMITS.logLineChars) } })
    } else {
      options.onEvent({ type: 'completed', requestId: id, seconds })
      options.finish({ request_id: id, status: 'completed', result: outcome.result })
    }
  }

  function abort(run: Run, reason: AbortReason): void {
    runs.delete(run.request.id)
    run.controller.abort(new RunAborted(reason))
    options.onEvent({ type: 'stopped', requestId: run.request.id, reason })
    startNext()
  }

  function expectAdoption(): void {
    clearTimeout(adoption)
    adoption = setTimeout(() => abortAll('not_ours', (run) => run.orphan), ADOPT_WITHIN_MS)
    adoption.unref()
  }

  function abortAll(reason: AbortReason, which: (run: Run) => boolean): void {
    for (const run of [...runs.values()].filter(which)) abort(run, reason)
  }

  return {
    accept,
    cancel(requestId, reason) {
      const run = runs.get(requestId)
      if (run !== undefined) abort(run, reason)
    },
    refused({ request_id: requestId, code }) {
      const run = requestId === null ? undefined : runs.get(requestId)
      if (run === undefined) return
      if (code === 'request_finished' || code === 'not_found') abort(run, 'not_ours')
      if (code === 'stale_lease' && !run.orphan) {
        run.orphan = true
        expectAdoption()
      }
    },
    connectionLost() {
      clearTimeout(adoption)
      for (const run of [...runs.values()]) {
        if (run.phase === 'waiting') runs.delete(run.request.id)
        else run.orphan = true
      }
    },
    connectionBack: expectAdoption,
    async drain() {
      draining = true
      for (const run of [...runs.values()]) if (run.phase === 'waiting') runs.delete(run.request.id)
      while (active > 0) {
        const { promise, resolve } = Promise.withResolvers<void>()
        idle.add(resolve)
        await promise
        idle.delete(resolve)
      }
    },
    stop() {
      draining = true
      clearTimeout(adoption)
      abortAll('closed', () => true)
    },
  }
}

type Checked = { readonly result: NonNullable<InferenceResult['result']> } | { readonly error: string }

/** What a handler returned may be anything at run time; only JSON can travel. */
function checkResult(returned: unknown): Checked {
  const parsed = requestResult.safeParse(returned)
  if (!parsed.success) return { error: 'The app returned a result that is not a JSON object' }
  const bytes = Buffer.byteLength(JSON.stringify(parsed.data))
  if (bytes > LIMITS.packetBytes / 2) return { error: `The app's result is too large (${bytes} bytes; at most ${LIMITS.resultBytes} are accepted)` }
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
