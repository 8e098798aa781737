import { describe, expect, test } from 'vitest'
import { connectionId, leaseId, type Outcome } from '@websocket-spaces/protocol'
import { type Fact, next, type Phase, statusOf, type Step } from '../../src/requests/lifecycle.ts'

const OURS = leaseId.parse('ours')
const lease = { id: OURS, connectionId: connectionId.parse('connection'), instance: 'gpu-box' }
const outcome: Outcome = { status: 'completed', result: { text_output: 'done' } }
const DEADLINE = 100

const PHASES = {
  waiting: { at: 'waiting' },
  handed: { at: 'handed', lease },
  running: { at: 'running', lease, startedAt: 1, deadlineAt: DEADLINE },
  completed: { at: 'finished', status: 'completed' },
  failed: { at: 'finished', status: 'failed' },
  canceled: { at: 'finished', status: 'canceled' },
} as const satisfies Record<string, Phase>

const lost = { type: 'lost', leaseId: OURS, at: 50, maxAttempts: 3 } as const
const theirs = { leaseId: leaseId.parse('theirs') }
const FACTS = {
  started: { type: 'started', leaseId: OURS, at: 50, deadlineAt: 150 },
  'started by another': { type: 'started', ...theirs, at: 50, deadlineAt: 150 },
  reported: { type: 'reported', leaseId: OURS, at: 50, outcome },
  'reported by another': { type: 'reported', ...theirs, at: 50, outcome },
  'app lost': { ...lost, reason: 'app_lost' },
  'hub restarted': { ...lost, reason: 'hub_restarted' },
  'another lost': { ...lost, ...theirs, reason: 'app_lost' },
  'timed out': { type: 'timed_out', at: DEADLINE, seconds: 120 },
  'timed out early': { type: 'timed_out', at: DEADLINE - 1, seconds: 120 },
  canceled: { type: 'canceled', at: 50 },
  stranded: { type: 'stranded', at: 50, within: '8 h' },
} as const satisfies Record<string, Fact>

const stale: Step = { to: 'refused', code: 'stale_lease' }
const over: Step = { to: 'refused', code: 'request_finished' }
const same: Step = { to: 'same' }
const back = (reason: 'app_lost' | 'hub_restarted') => ({ to: 'waiting', reason, attempt: 2 }) as const
const canceled: Step = { to: 'finished', outcome: { status: 'canceled' }, at: 50 }
const done: Step = { to: 'finished', outcome, at: 50 }
const timedOut = { to: 'finished', outcome: { status: 'failed', error: { code: 'timeout' }, result: null }, at: DEADLINE }

const stranded = { to: 'finished', outcome: { status: 'failed', error: { code: 'app_stayed_away' }, result: null }, at: 50 }

/** In the order of FACTS, for a request that was started twice. */
const TABLE = {
  waiting: [stale, stale, stale, stale, stale, stale, stale, same, same, canceled, stranded],
  handed: [
    { to: 'running', lease, startedAt: 50, deadlineAt: 150, attempt: 3 },
    stale,
    done,
    stale,
    back('app_lost'),
    back('hub_restarted'),
    stale,
    same,
    same,
    canceled,
    same,
  ],
  running: [same, stale, done, stale, back('app_lost'), back('hub_restarted'), stale, timedOut, same, canceled, same],
  completed: Array<Step>(11).fill(over),
  failed: Array<Step>(11).fill(over),
  canceled: Array<Step>(11).fill(over),
} as const

const rows = (Object.keys(PHASES) as (keyof typeof PHASES)[]).flatMap((phase) =>
  (Object.keys(FACTS) as (keyof typeof FACTS)[]).map((fact, index) => ({ phase, fact, step: TABLE[phase][index] })),
)

describe('what each fact does in each phase', () => {
  test.each(rows)('$phase, then $fact', ({ phase, fact, step }) => {
    expect(next(PHASES[phase], { attempt: 2, losses: 1 }, FACTS[fact])).toMatchObject(step ?? {})
  })

  test('the table is complete', () => {
    for (const steps of Object.values(TABLE)) expect(steps).toHaveLength(Object.keys(FACTS).length)
  })
})

describe('attempts', () => {
  test('the last allowed start, lost, fails the request', () => {
    const reason = 'app_lost'
    expect(next(PHASES.running, { attempt: 5, losses: 2 }, { ...lost, reason })).toMatchObject({
      to: 'finished',
      outcome: { status: 'failed', error: { code: 'app_lost', message: expect.stringContaining('3') as string } },
    })
    expect(next(PHASES.running, { attempt: 9, losses: 8 }, { ...lost, reason })).toMatchObject({ to: 'finished' })
  })

  test('what was never begun is not held against the request, nor is the restart of the hub', () => {
    const tally = { attempt: 9, losses: 2 }
    expect(next(PHASES.handed, tally, { ...lost, reason: 'app_lost' })).toEqual({ to: 'waiting', reason: 'app_lost', ...tally })
    expect(next(PHASES.running, tally, { ...lost, reason: 'hub_restarted' })).toEqual({ to: 'waiting', reason: 'hub_restarted', ...tally })
  })

  test('only losses count, however often the request was started', () => {
    expect(next(PHASES.running, { attempt: 9, losses: 1 }, { ...lost, reason: 'app_lost' })).toMatchObject({ to: 'waiting', losses: 2 })
  })
})

test('a request waits for people until its app begins it', () => {
  expect(Object.values(PHASES).map(statusOf)).toEqual(['queued', 'queued', 'processing', 'completed', 'failed', 'canceled'])
})
