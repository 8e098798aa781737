import type { FollowItem } from '@websocket-spaces/protocol'
import { describe, expect, it } from 'vitest'
import { FRESH_RUN, advance } from './run.ts'
import type { Run } from './run.ts'

const at = '2026-01-01T00:00:00.000Z'
const EVENTS: FollowItem[] = [
  { seq: 1, at, type: 'status', status: 'queued', attempt: 0 },
  { seq: 2, at, type: 'status', status: 'processing', attempt: 1, instance: 'gpu-box' },
  { seq: 3, at, type: 'output', text: 'Hello ' },
  { seq: 4, at, type: 'progress', progress: 0.5, message: 'half' },
  { seq: 5, at, type: 'log', level: 'info', line: 'warm' },
  { seq: 6, at, type: 'output', text: 'world' },
  { seq: 7, at, type: 'result', outcome: { status: 'completed', result: { confidence: 0.95 } } },
]

function play(items: readonly FollowItem[], from: Run = FRESH_RUN): Run {
  return items.reduce((run, item) => advance(run, item, 0) ?? run, from)
}

describe('the run that events add up to', () => {
  it('tells the whole story', () => {
    const run = play(EVENTS)
    expect(run).toMatchObject({ seq: 7, status: 'completed', progress: 0.5, progressMessage: 'half', instance: 'gpu-box', finishedAt: at })
    expect(run.output.join('')).toBe('Hello world')
    expect(run.logs.map((log) => log.line)).toEqual(['warm'])
    expect(run.outcome).toEqual({ status: 'completed', result: { confidence: 0.95 } })
  })

  it('takes no event twice when a follow resumes', () => {
    const once = play(EVENTS)
    expect(play(EVENTS, play(EVENTS.slice(0, 4)))).toEqual(once)
    expect(play([...EVENTS, ...EVENTS])).toEqual(once)
  })

  it('says so when an event is missing', () => {
    const run = play(EVENTS.slice(0, 3))
    expect(advance(run, { seq: 5, at, type: 'output', text: 'x' }, 0)).toBeUndefined()
  })

  it('starts the output again with the next attempt', () => {
    const lost: FollowItem[] = [
      { seq: 4, at, type: 'status', status: 'queued', attempt: 1, reason: 'app_lost' },
      { seq: 5, at, type: 'status', status: 'processing', attempt: 2, instance: 'other' },
      { seq: 6, at, type: 'output', text: 'Hi' },
    ]
    const run = play([...EVENTS.slice(0, 3), ...lost])
    expect(run.output.join('')).toBe('Hi')
    expect(run).toMatchObject({ attempt: 2, instance: 'other', progress: null })
  })

  it('keeps what was streamed while it waits for the next attempt', () => {
    const run = play([...EVENTS.slice(0, 3), { seq: 4, at, type: 'status', status: 'queued', attempt: 1, reason: 'hub_restarted' }])
    expect(run).toMatchObject({ status: 'queued', reason: 'hub_restarted' })
    expect(run.output.join('')).toBe('Hello ')
  })

  it('goes on as it was while its app is asked to stop', () => {
    const run = play([...EVENTS.slice(0, 4), { seq: 5, at, type: 'status', status: 'canceling', attempt: 1 }])
    expect(run).toMatchObject({ status: 'canceling', progress: 0.5, instance: 'gpu-box', startedAt: at, outcome: null })
    expect(run.output.join('')).toBe('Hello ')
    expect(play([{ seq: 6, at, type: 'result', outcome: { status: 'canceled' } }], run)).toMatchObject({
      status: 'canceled',
      finishedAt: at,
    })
  })

  it('shows positions only while it waits', () => {
    const waiting = play([...EVENTS.slice(0, 1), { type: 'position', position: 2, queue_length: 3 }])
    expect(waiting).toMatchObject({ position: 2, queueLength: 3, seq: 1 })
    expect(play(EVENTS.slice(1, 2), waiting).position).toBeNull()
    expect(play([{ type: 'position', position: 1, queue_length: 1 }], play(EVENTS)).position).toBeNull()
  })

  it('knows when it heard an estimate, and drops it when the next update has none', () => {
    const eta = { low_seconds: 3, high_seconds: 8 }
    const told = advance(FRESH_RUN, { type: 'position', position: 1, queue_length: 1, eta }, 5_000)
    expect(told?.eta).toEqual({ eta, at: 5_000 })
    expect(advance(told ?? FRESH_RUN, { type: 'position', position: 1, queue_length: 1, eta: null }, 6_000)?.eta).toBeNull()
  })

  it('keeps long output in blocks and few log lines', () => {
    const items: FollowItem[] = Array.from({ length: 700 }, (_, index) => ({
      seq: index + 1,
      at,
      type: 'log',
      level: 'info',
      line: `${index}`,
    }))
    const run = play(items)
    expect(run.logs).toHaveLength(500)
    expect(run.logs.at(-1)?.line).toBe('699')
    const long = play(Array.from({ length: 4 }, (_, index) => ({ seq: index + 1, at, type: 'output', text: 'x'.repeat(5_000) })))
    expect(long.output).toHaveLength(4)
    expect(long.output.join('')).toHaveLength(20_000)
  })
})
