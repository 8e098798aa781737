import type fc from 'fast-check'
import { expect } from 'vitest'
import { DEFAULTS, LIMITS, type RequestId, type UserId } from '@websocket-spaces/protocol'
import { begunRequest } from '../../src/requests/begun-request.ts'
import type { Away, Fact, LeaseRef, LossReason } from '../../src/requests/lifecycle.ts'
import type { StoredRequest } from '../../src/requests/ports.ts'
import { recover } from '../../src/requests/recover.ts'
import type { StoredSpace } from '../../src/spaces/ports.ts'
import {
  addRequests,
  byOf,
  DONE,
  newClaim,
  newConnectionId,
  newLeaseId,
  newOffer,
  newRequest,
  newRequestId,
  NO_LIMITS,
  NOON,
} from '../support/material.ts'
import type { LastingStore } from '../support/sqlite-store.ts'

/** What a request should be, kept as simply as possible. */
interface Expected {
  readonly id: RequestId
  at: 'waiting' | 'handed' | 'running' | 'canceling' | 'completed' | 'failed' | 'canceled'
  by: LeaseRef | null
  /** Until when its app may come back, and what is to blame. */
  away: Away | null
  starts: number
  /** Apps lost while they worked on it. */
  losses: number
  /** Starts that the hub's own restarts undid. */
  undone: number
  /** As its hub knew it when it began, if it took a slot. */
  readonly last?: StoredRequest
}

export interface Model {
  readonly requests: Expected[]
}

export interface Real {
  under: LastingStore
  readonly space: StoredSpace
  readonly user: UserId
}

type Command = fc.AsyncCommand<Model, Real>

function isFinished({ at }: Expected): boolean {
  return at === 'completed' || at === 'failed' || at === 'canceled'
}

function end(request: Expected, at: Expected['at']): void {
  request.at = at
  request.by = null
  request.away = null
}

function release(request: Expected, reason: LossReason): void {
  if (request.at === 'canceling') return end(request, 'canceled')
  if (request.at === 'running' && reason === 'hub_restarted') request.undone += 1
  if (request.at === 'running' && reason === 'app_lost') request.losses += 1
  const isLast = request.at === 'running' && request.starts >= LIMITS.mostAttempts
  end(request, isLast || request.losses >= DEFAULTS.maxAttempts ? 'failed' : 'waiting')
}

/** Its connection is gone; what it had begun may be come back for. */
function depart(request: Expected, until: number, reason: LossReason): void {
  if (request.at === 'handed') release(request, reason)
  else if (request.away === null || until < request.away.until) request.away = { until, reason: request.away?.reason ?? reason }
}

/** Something that happens at a store; it always can. */
class Happening implements Command {
  readonly #name: string
  readonly #happen: (model: Model, real: Real) => Promise<void>

  constructor(name: string, happen: (model: Model, real: Real) => Promise<void>) {
    this.#name = name
    this.#happen = happen
  }

  check(): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    await this.#happen(model, real)
    for (const expected of model.requests) await expectStored(expected, real)
  }

  toString(): string {
    return this.#name
  }
}

async function expectStored({ id, at, by, away, starts }: Expected, { under }: Real): Promise<void> {
  const stored = await under.requests.find(id)
  expect(stored?.attempt).toBe(starts)
  const phase = stored?.phase
  expect(phase?.at === 'finished' ? phase.status : phase?.at).toBe(at)
  if (phase !== undefined && 'lease' in phase) expect(phase.lease).toMatchObject({ ...by, away })
}

export function submits(): Command {
  return new Happening('submit', async (model, { under, space, user }) => {
    const [id] = await addRequests(under, { space, user }, 1)
    if (id !== undefined) model.requests.push({ id, at: 'waiting', by: null, away: null, starts: 0, losses: 0, undone: 0 })
  })
}

/** With a free slot on offer, which it takes unless somebody waits. */
export function submitsToSlot(): Command {
  return new Happening('submit to a slot', async (model, { under, space, user }) => {
    const id = newRequestId()
    const { offer } = newOffer()
    const request = newRequest({ space, user }, { id })
    const isFree = model.requests.every(({ at }) => at !== 'waiting')
    expect(await under.requests.insert(request, NO_LIMITS, { offer })).toEqual({ id, begun: isFree })
    const by = isFree ? { id: offer.leaseId, connectionId: offer.connectionId } : null
    const last = isFree ? { last: begunRequest(request, 'Alice', space, offer) } : {}
    model.requests.push({ id, at: isFree ? 'running' : 'waiting', by, away: null, starts: isFree ? 1 : 0, losses: 0, undone: 0, ...last })
  })
}

export function claims(start: number, hold: number): Command {
  return new Happening(`claim ${start} + ${hold}`, async (model, { under, space }) => {
    const claim = newClaim(space, { start, hold })
    const claimed = await under.requests.claim(claim)
    const due = model.requests.filter(({ at }) => at === 'waiting').slice(0, start + hold)
    expect(claimed.map(({ id }) => id)).toEqual(due.map(({ id }) => id))
    expect(new Set(claimed.map(({ leaseId }) => leaseId)).size).toBe(claimed.length)
    for (const [index, request] of due.entries()) {
      request.by = byOf(claim, claimed.slice(index))
      request.at = index < start ? 'running' : 'handed'
      if (index < start) request.starts += 1
      expect(claimed[index]).toMatchObject({ started: index < start, attempt: request.starts + (index < start ? 0 : 1) })
    }
  })
}

const ANYBODY = ['resumed', 'expired', 'timed_out', 'cancel_asked', 'canceled', 'stranded'] as const satisfies readonly Fact['type'][]
type ByHolder = Exclude<Fact['type'], (typeof ANYBODY)[number]>

/** One fact about one of the requests, told by its holder or by somebody else. */
export function happens(type: Fact['type'], pick: number, isHolder: boolean): Command {
  return new Happening(`${type} #${pick}${isHolder ? '' : ' by another'}`, async ({ requests }, { under }) => {
    const request = requests[pick % requests.length]
    if (request === undefined) return
    const by = isHolder && request.by !== null ? request.by : { id: newLeaseId(), connectionId: newConnectionId() }
    const fact = factOf(type, by)
    const applied = await under.requests.apply(request.id, fact, request.last)
    if (isFinished(request)) return expect(applied).toMatchObject({ ok: false, code: 'request_finished' })
    const needsLease = !ANYBODY.some((one) => one === type) || type === 'resumed'
    if (needsLease && by !== request.by) return expect(applied).toMatchObject({ ok: false, code: 'stale_lease' })
    const before = JSON.stringify(request)
    change(request, fact)
    expect(applied).toMatchObject({ ok: true, changed: JSON.stringify(request) !== before })
  })
}

function factOf(type: Fact['type'], by: LeaseRef): Fact {
  switch (type) {
    case 'resumed':
      return {
        type,
        leaseId: by.id,
        at: NOON + 3_000,
        to: { connectionId: newConnectionId(), instance: 'gpu-box', app: 'the app', renews: true },
      }
    case 'expired':
      return { type, at: NOON + 5_000 }
    case 'timed_out':
      return { type, at: NOON + 100_000, seconds: 60 }
    case 'cancel_asked':
    case 'canceled':
      return { type, at: NOON + 3_000 }
    case 'stranded':
      return { type, at: NOON + 3_000, within: '1 h' }
    default:
      return factOfHolder(type, by)
  }
}

function factOfHolder(type: ByHolder, by: LeaseRef): Fact {
  switch (type) {
    case 'started':
      return { type, by, at: NOON + 2_000, deadlineAt: NOON + 62_000 }
    case 'reported':
      return { type, by, at: NOON + 3_000, outcome: DONE }
    case 'lost':
      return { type, by, at: NOON + 3_000, reason: 'app_lost' }
    case 'left':
      return { type, by, at: NOON + 3_000, until: NOON + 5_000, reason: 'app_lost' }
  }
}

function change(request: Expected, fact: Fact): void {
  switch (fact.type) {
    case 'started':
      if (request.at !== 'handed') return
      request.starts += 1
      request.at = 'running'
      return
    case 'reported':
      return end(request, request.at === 'canceling' ? 'canceled' : 'completed')
    case 'lost':
      return release(request, fact.reason)
    case 'left':
      return depart(request, fact.until, fact.reason)
    case 'resumed':
      request.by = { id: fact.leaseId, connectionId: fact.to.connectionId }
      request.away = null
      return
    case 'expired':
      if (request.away !== null && request.away.until <= fact.at) release(request, request.away.reason)
      return
    case 'timed_out':
      if (request.at === 'running') end(request, 'failed')
      if (request.at === 'canceling') end(request, 'canceled')
      return
    case 'cancel_asked':
      if (request.at === 'running') request.at = 'canceling'
      else if (request.at !== 'canceling') end(request, 'canceled')
      return
    case 'canceled':
      return end(request, 'canceled')
    case 'stranded':
      if (request.at === 'waiting') end(request, 'failed')
      return
  }
}

export function reports(pick: number, count: number): Command {
  return new Happening(`report ${count} on #${pick}`, async ({ requests }, { under }) => {
    const request = requests[pick % requests.length]
    if (request === undefined) return
    const append = {
      requestId: request.id,
      by: request.by ?? { id: newLeaseId(), connectionId: newConnectionId() },
      reports: Array(count).fill({ type: 'output', text: 'x' }),
    }
    const code = isFinished(request) ? 'request_finished' : 'stale_lease'
    expect(await under.requests.append([append], NOON + 2_500)).toMatchObject([request.by === null ? { ok: false, code } : { ok: true }])
  })
}

/** A restarted hub gives apps some time to come back, more or less of it than they had. */
export function restarts(until: number): Command {
  return new Happening('restart', async ({ requests }, real) => {
    real.under = await real.under.reopen()
    await recover({ store: real.under.requests, graceFor: until - NOON, now: () => NOON })
    for (const request of requests) if (request.by !== null && request.away === null) depart(request, until, 'hub_restarted')
  })
}

/** Whenever the next in line runs, the hub dies of it. */
export function crashes(times: number): Command {
  return new Happening(`crash ${times} times`, async (model, { under, space }) => {
    for (let time = 0; time < times; time += 1) {
      const request = model.requests.find(({ at }) => at === 'waiting')
      if (request === undefined) return
      const claim = newClaim(space)
      const by = byOf(claim, await under.requests.claim(claim))
      await under.requests.apply(request.id, { type: 'lost', by, at: NOON + 3_000, reason: 'hub_restarted' })
      request.starts += 1
      request.at = 'running'
      release(request, 'hub_restarted')
    }
  })
}

/** Nothing lost, one outcome each, and a log that counts 1, 2, 3 … with the result at its end. */
export async function expectSound({ requests }: Model, { under, space }: Real): Promise<void> {
  const stored = await under.requests.page({ spaceId: space.id, limit: 1_000 })
  expect(stored.map(({ id }) => id).toReversed()).toEqual(requests.map(({ id }) => id))
  for (const request of requests) {
    const events = await under.requests.events(request.id, 0, 10_000)
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
    const results = events.flatMap((event, index) => (event.type === 'result' ? [{ index, status: event.outcome.status }] : []))
    expect(results).toEqual(isFinished(request) ? [{ index: events.length - 1, status: request.at }] : [])
    expect(request.starts - request.undone).toBeLessThanOrEqual(DEFAULTS.maxAttempts)
    expect(request.starts).toBeLessThanOrEqual(LIMITS.mostAttempts)
  }
}
