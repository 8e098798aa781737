import { describe, expect, test } from 'vitest'
import { connectionId, leaseId, LIMITS, type Outcome } from '@websocket-spaces/protocol'
import { type Fact, next, type Phase, statusOf, type Step } from '../../src/requests/lifecycle.ts'

const BY = { id: leaseId.parse('ours'), connectionId: connectionId.parse('connection') }
const lease = { ...BY, instance: 'gpu-box', app: 'app', renews: true, away: null }
const gone = { ...lease, away: { until: 60, reason: 'app_lost' as const } }
const outcome: Outcome = { status: 'completed', result: { text_output: 'done' } }
const DEADLINE = 100
const begun = { startedAt: 1, deadlineAt: DEADLINE }

const PHASES = {
  waiting: { at: 'waiting' },
  handed: { at: 'handed', lease },
  running: { at: 'running', lease, ...begun },
  away: { at: 'running', lease: gone, ...begun },
  canceling: { at: 'canceling', lease, ...begun },
  completed: { at: 'finished', status: 'completed' },
  failed: { at: 'finished', status: 'failed' },
  canceled: { at: 'finished', status: 'canceled' },
} as const satisfies Record<string, Phase>

const elsewhere = { connectionId: connectionId.parse('next'), instance: 'gpu-box', app: 'app', renews: true }
const FACTS = {
  started: { type: 'started', by: BY, at: 50, deadlineAt: 150 },
  reported: { type: 'reported', by: BY, at: 50, outcome },
  'reported under another lease': { type: 'reported', by: { ...BY, id: leaseId.parse('theirs') }, at: 50, outcome },
  'reported over another connection': { type: 'reported', by: { ...BY, connectionId: elsewhere.connectionId }, at: 50, outcome },
  'confirmed as canceled': { type: 'reported', by: BY, at: 50, outcome: { status: 'canceled' } },
  'app lost': { type: 'lost', by: BY, at: 50, reason: 'app_lost' },
  'hub restarted': { type: 'lost', by: BY, at: 50, reason: 'hub_restarted' },
  left: { type: 'left', by: BY, at: 50, until: 80, reason: 'app_lost' },
  'left for less': { type: 'left', by: BY, at: 50, until: 55, reason: 'hub_restarted' },
  resumed: { type: 'resumed', leaseId: BY.id, at: 50, to: elsewhere },
  expired: { type: 'expired', at: 60 },
  'expired early': { type: 'expired', at: 59 },
  'timed out': { type: 'timed_out', at: DEADLINE, seconds: 120 },
  'timed out early': { type: 'timed_out', at: DEADLINE - 1, seconds: 120 },
  'cancel asked': { type: 'cancel_asked', at: 50 },
  canceled: { type: 'canceled', at: 50 },
  stranded: { type: 'stranded', at: 50, within: '8 h' },
} as const satisfies Record<string, Fact>
type FactName = keyof typeof FACTS

const stale: Step = { to: 'refused', code: 'stale_lease' }
const over: Step = { to: 'refused', code: 'request_finished' }
const same: Step = { to: 'same' }
const back = (reason: 'app_lost' | 'hub_restarted') => ({ to: 'waiting', reason, attempt: 2 }) as const
const canceled: Step = { to: 'finished', outcome: { status: 'canceled' }, at: 50 }
const done: Step = { to: 'finished', outcome, at: 50 }
const failedAs = (code: string, at = 50) => ({ to: 'finished', outcome: { status: 'failed', error: { code }, result: null }, at })
const awayUntil = (until: number, reason: 'app_lost' | 'hub_restarted') => ({ to: 'leased', lease: { ...lease, away: { until, reason } } })
const resumed = { to: 'leased', lease: { id: BY.id, ...elsewhere, away: null } }

const NOT_THEIRS = { 'reported under another lease': stale, 'reported over another connection': stale } as const
const running = {
  ...NOT_THEIRS,
  started: same,
  reported: done,
  'confirmed as canceled': failedAs('app_failed'),
  'app lost': back('app_lost'),
  'hub restarted': back('hub_restarted'),
  left: awayUntil(80, 'app_lost'),
  'left for less': awayUntil(55, 'hub_restarted'),
  resumed,
  expired: same,
  'expired early': same,
  'timed out': failedAs('timeout', DEADLINE),
  'timed out early': same,
  'cancel asked': { to: 'canceling', attempt: 2 },
  canceled,
  stranded: same,
} as const
const finished = Object.fromEntries(Object.keys(FACTS).map((fact) => [fact, over])) as Record<FactName, Step>

const TABLE: Record<keyof typeof PHASES, Record<FactName, object>> = {
  waiting: {
    ...NOT_THEIRS,
    started: stale,
    reported: stale,
    'confirmed as canceled': stale,
    'app lost': stale,
    'hub restarted': stale,
    left: stale,
    'left for less': stale,
    resumed: stale,
    expired: same,
    'expired early': same,
    'timed out': same,
    'timed out early': same,
    'cancel asked': canceled,
    canceled,
    stranded: failedAs('app_stayed_away'),
  },
  handed: {
    ...running,
    started: { to: 'running', lease, startedAt: 50, deadlineAt: 150, attempt: 3 },
    left: back('app_lost'),
    'left for less': back('hub_restarted'),
    'timed out': same,
    'cancel asked': canceled,
  },
  running,
  away: { ...running, left: same, 'left for less': awayUntil(55, 'app_lost'), expired: { ...back('app_lost'), losses: 2 } },
  canceling: {
    ...running,
    reported: canceled,
    'confirmed as canceled': canceled,
    'app lost': canceled,
    'hub restarted': canceled,
    'timed out': { ...canceled, at: DEADLINE },
    'cancel asked': same,
  },
  completed: finished,
  failed: finished,
  canceled: finished,
}

const rows = (Object.keys(PHASES) as (keyof typeof PHASES)[]).flatMap((phase) =>
  (Object.keys(FACTS) as FactName[]).map((fact) => ({ phase, fact, step: TABLE[phase][fact] })),
)
const TALLY = { attempt: 2, losses: 1, maxAttempts: 3 }

test.each(rows)('$phase, then $fact', ({ phase, fact, step }) => {
  expect(next(PHASES[phase], TALLY, FACTS[fact])).toMatchObject(step)
})

test('a canceled request whose app never comes back is canceled when its lease ends', () => {
  expect(next({ ...PHASES.canceling, lease: gone }, TALLY, FACTS.expired)).toMatchObject({ ...canceled, at: 60 })
})

describe('attempts', () => {
  test('the last allowed start, lost, fails the request', () => {
    expect(next(PHASES.running, { attempt: 5, losses: 2, maxAttempts: 3 }, FACTS['app lost'])).toMatchObject({
      to: 'finished',
      outcome: { status: 'failed', error: { code: 'app_lost', message: expect.stringContaining('3') as string } },
    })
    expect(next(PHASES.away, { attempt: 1, losses: 0, maxAttempts: 1 }, FACTS.expired)).toMatchObject(failedAs('app_lost', 60))
  })

  test('what was never begun is not held against the request, nor is the restart of the hub', () => {
    const tally = { attempt: 9, losses: 2 }
    const [lost, restarted] = [FACTS['app lost'], FACTS['hub restarted']]
    expect(next(PHASES.handed, { ...tally, maxAttempts: 3 }, lost)).toEqual({ to: 'waiting', reason: 'app_lost', ...tally })
    expect(next(PHASES.running, { ...tally, maxAttempts: 3 }, restarted)).toEqual({ to: 'waiting', reason: 'hub_restarted', ...tally })
  })

  test('only losses count, however often the request was started', () => {
    expect(next(PHASES.running, { ...TALLY, attempt: 9 }, FACTS['app lost'])).toMatchObject({ to: 'waiting', losses: 2 })
  })

  test('what brings down the hub itself each time it runs does not for ever', () => {
    const tally = { attempt: LIMITS.mostAttempts - 1, losses: 0, maxAttempts: 3 }
    const last = { ...tally, attempt: LIMITS.mostAttempts }
    expect(next(PHASES.running, tally, FACTS['hub restarted'])).toMatchObject({ to: 'waiting', losses: 0 })
    expect(next(PHASES.running, last, FACTS['hub restarted'])).toMatchObject({
      to: 'finished',
      outcome: { status: 'failed', error: { code: 'app_lost', message: expect.stringContaining(String(LIMITS.mostAttempts)) as string } },
    })
    expect(next(PHASES.away, last, FACTS.expired)).toMatchObject(failedAs('app_lost', 60))
    // In an app's own queue it does no harm.
    expect(next(PHASES.handed, last, FACTS['hub restarted'])).toMatchObject({ to: 'waiting' })
  })
})

test('a request waits for people until its app begins it', () => {
  expect(Object.values(PHASES).map(statusOf)).toEqual([
    'queued',
    'queued',
    'processing',
    'processing',
    'canceling',
    'completed',
    'failed',
    'canceled',
  ])
})
