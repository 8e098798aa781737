/** What the events of one request add up to. Pure, so that replaying them gives the same picture. */
import type { Eta, FollowItem, Outcome, RequestEvent, RequestStatus } from '@websocket-spaces/protocol'

const BLOCK_CHARS = 4_096
/** Older log lines are dropped from the page; the hub keeps them all. */
const SHOWN_LOG_LINES = 500

type LogEvent = Extract<RequestEvent, { type: 'log' }>
type StatusEvent = Extract<RequestEvent, { type: 'status' }>

/** Estimates say how long from when they were made; they grow old. */
export interface HeardEta {
  readonly eta: Eta
  /** Milliseconds since the epoch, by this machine's clock. */
  readonly at: number
}

export interface Run {
  /** `seq` of the last event taken in; a follow resumes after it. */
  readonly seq: number
  readonly status: RequestStatus
  readonly position: number | null
  readonly queueLength: number | null
  readonly eta: HeardEta | null
  /** 0 … 1; null until the app says. */
  readonly progress: number | null
  readonly progressMessage: string | null
  /** Streamed text in blocks, so that a page grows its last text node only. */
  readonly output: readonly string[]
  readonly logs: readonly LogEvent[]
  readonly instance: string | null
  readonly attempt: number
  readonly reason: StatusEvent['reason'] | null
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly outcome: Outcome | null
}

export const FRESH_RUN: Run = {
  seq: 0,
  status: 'queued',
  position: null,
  queueLength: null,
  eta: null,
  progress: null,
  progressMessage: null,
  output: [],
  logs: [],
  instance: null,
  attempt: 0,
  reason: null,
  startedAt: null,
  finishedAt: null,
  outcome: null,
}

/**
 * The run after `item`; the same run for one already taken in; undefined when an event is missing in between.
 * @param now milliseconds since the epoch
 */
export function advance(run: Run, item: FollowItem, now: number): Run | undefined {
  if (item.type === 'position') {
    if (run.status !== 'queued') return run
    const eta = item.eta ? { eta: item.eta, at: now } : null
    return { ...run, position: item.position, queueLength: item.queue_length, eta }
  }
  if (item.seq <= run.seq) return run
  if (item.seq > run.seq + 1) return undefined
  return { ...run, ...changeOf(run, item), seq: item.seq }
}

function changeOf(run: Run, event: RequestEvent): Partial<Run> {
  switch (event.type) {
    case 'status':
      return statusOf(run, event)
    case 'progress':
      return { progress: event.progress, progressMessage: event.message ?? run.progressMessage }
    case 'output':
      return { output: append(run.output, event.text) }
    case 'log':
      return { logs: [...run.logs.slice(1 - SHOWN_LOG_LINES), event] }
    default:
      return { status: event.outcome.status, outcome: event.outcome, position: null, finishedAt: event.at }
  }
}

function statusOf(run: Run, event: StatusEvent): Partial<Run> {
  switch (event.status) {
    case 'queued':
      return queued(event)
    case 'processing':
      return processing(run, event)
    case 'canceling':
      return { status: 'canceling' }
  }
}

function queued(event: StatusEvent): Partial<Run> {
  return { status: 'queued', reason: event.reason ?? null, progress: null, progressMessage: null, instance: null, startedAt: null }
}

/** A later attempt writes its output from the start; that of the one before is no longer part of the answer. */
function processing(run: Run, event: StatusEvent): Partial<Run> {
  const again = event.attempt > run.attempt && run.attempt > 0
  return {
    status: 'processing',
    position: null,
    attempt: event.attempt,
    instance: event.instance ?? null,
    startedAt: event.at,
    ...(again ? { output: [], progress: null, progressMessage: null } : {}),
  }
}

function append(blocks: readonly string[], text: string): readonly string[] {
  const last = blocks.at(-1)
  if (last === undefined || last.length >= BLOCK_CHARS) return [...blocks, text]
  return [...blocks.slice(0, -1), last + text]
}
