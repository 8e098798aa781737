import type fc from 'fast-check'
import { expect } from 'vitest'
import { DEFAULTS, type LeaseId, type RequestId, type UserId } from '@websocket-spaces/protocol'
import type { Fact } from '../../src/requests/lifecycle.ts'
import { recover } from '../../src/requests/recover.ts'
import type { StoredSpace } from '../../src/spaces/ports.ts'
import { addRequests, DONE, newClaim, newLeaseId, NOON } from '../support/material.ts'
import type { LastingStore } from '../support/sqlite-store.ts'

/** What a request should be, kept as simply as possible. */
interface Expected {
  readonly id: RequestId
  at: 'waiting' | 'handed' | 'running' | 'completed' | 'failed' | 'canceled'
  lease: LeaseId | null
  starts: number
  /** Apps lost while they worked on it. */
  losses: number
  /** Starts that the hub's own restarts undid. */
  undone: number
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
  request.lease = null
}

function release(request: Expected, isRestart: boolean): void {
  if (request.at === 'running' && isRestart) request.undone += 1
  if (request.at === 'running' && !isRestart) request.losses += 1
  if (request.at === 'running' && !isRestart && request.losses >= DEFAULTS.maxAttempts) return end(request, 'failed')
  request.at = 'waiting'
  request.lease = null
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

async function expectStored({ id, at, lease, starts }: Expected, { under }: Real): Promise<void> {
  const stored = await under.requests.find(id)
  expect(stored?.attempt).toBe(starts)
  const phase = stored?.phase
  expect(phase?.at === 'finished' ? phase.status : phase?.at).toBe(at)
  if (phase?.at === 'handed' || phase?.at === 'running') expect(phase.lease.id).toBe(lease)
}

export function submits(): Command {
  return new Happening('submit', async (model, { under, space, user }) => {
    const [id] = await addRequests(under, { space, user }, 1)
    if (id !== undefined) model.requests.push({ id, at: 'waiting', lease: null, starts: 0, losses: 0, undone: 0 })
  })
}

export function claims(start: number, hold: number): Command {
  return new Happening(`claim ${start} + ${hold}`, async (model, { under, space }) => {
    const claim = newClaim(space, { start, hold })
    const claimed = await under.requests.claim(claim)
    const due = model.requests.filter(({ at }) => at === 'waiting').slice(0, start + hold)
    expect(claimed.map(({ id }) => id)).toEqual(due.map(({ id }) => id))
    for (const [index, request] of due.entries()) {
      request.lease = claim.leaseId
      request.at = index < start ? 'running' : 'handed'
      if (index < start) request.starts += 1
      expect(claimed[index]).toMatchObject({ started: index < start, attempt: request.starts + (index < start ? 0 : 1) })
    }
  })
}

/** One fact about one of the requests, told by its holder or by somebody else. */
export function happens(type: Fact['type'], pick: number, isHolder: boolean): Command {
  return new Happening(`${type} #${pick}${isHolder ? '' : ' by another'}`, async ({ requests }, { under }) => {
    const request = requests[pick % requests.length]
    if (request === undefined) return
    const leaseId = isHolder && request.lease !== null ? request.lease : newLeaseId()
    const applied = await under.requests.apply(request.id, factOf(type, leaseId))
    const needsLease = type === 'started' || type === 'reported' || type === 'lost'
    if (isFinished(request)) return expect(applied).toMatchObject({ ok: false, code: 'request_finished' })
    if (needsLease && leaseId !== request.lease) return expect(applied).toMatchObject({ ok: false, code: 'stale_lease' })
    const before = request.at
    change(request, type)
    expect(applied).toMatchObject({ ok: true, changed: request.at !== before })
  })
}

function factOf(type: Fact['type'], leaseId: LeaseId): Fact {
  switch (type) {
    case 'started':
      return { type, leaseId, at: NOON + 2_000, deadlineAt: NOON + 62_000 }
    case 'reported':
      return { type, leaseId, at: NOON + 3_000, outcome: DONE }
    case 'lost':
      return { type, leaseId, at: NOON + 3_000, reason: 'app_lost', maxAttempts: DEFAULTS.maxAttempts }
    case 'timed_out':
      return { type, at: NOON + 100_000, seconds: 60 }
    case 'canceled':
      return { type, at: NOON + 3_000 }
    case 'stranded':
      return { type, at: NOON + 3_000, within: '1 h' }
  }
}

function change(request: Expected, type: Fact['type']): void {
  switch (type) {
    case 'started':
      if (request.at === 'handed') request.starts += 1
      request.at = 'running'
      return
    case 'reported':
      return end(request, 'completed')
    case 'lost':
      return release(request, false)
    case 'timed_out':
      if (request.at === 'running') end(request, 'failed')
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
      leaseId: request.lease ?? newLeaseId(),
      reports: Array(count).fill({ type: 'output', text: 'x' }),
    }
    const code = isFinished(request) ? 'request_finished' : 'stale_lease'
    expect(await under.requests.append([append], NOON + 2_500)).toMatchObject([request.lease === null ? { ok: false, code } : { ok: true }])
  })
}

export function restarts(): Command {
  return new Happening('restart', async ({ requests }, real) => {
    real.under = await real.under.reopen()
    await recover(real.under.requests, () => NOON + 4_000)
    for (const request of requests) if (request.lease !== null) release(request, true)
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
  }
}
