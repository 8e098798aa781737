import { v7 as uuid } from 'uuid'
import type { RequestStore } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { lasting, told } from '../dialect.ts'
import { appendReports } from './append.ts'
import { applyFact } from './apply.ts'
import { claimRequests } from './claim.ts'
import { findByKey, insertRequest } from './insert.ts'
import { countWaitingBefore, waitingOf } from './line.ts'
import { eventsAfter, milestonesOf } from './log.ts'
import { paceOf } from './pace.ts'
import { pruneRequests } from './prune.ts'
import * as read from './read.ts'
import { strandedSpaces, unclaimedOf } from './stranded.ts'

/** `node` names this process: what it hands out is taken back by others when it dies, and by nobody while it lives. */
export function createRequestStore(db: Database, node: string = uuid()): RequestStore {
  return {
    insert: (request, limits, options) => insertRequest(db, node, request, limits, options),
    findByKey: (where, key) => lasting(db, findByKey(db, where, key)),
    claim: (claim) => claimRequests(db, node, claim),
    told: () => told(db),
    apply: (id, fact, last) => applyFact(db, node, id, fact, last),
    append: (batch, at) => appendReports(db, batch, at),
    find: (id) => lasting(db, read.findRequest(db, id)),
    page: (query) => lasting(db, read.pageOfRequests(db, query)),
    events: (id, after, limit) => lasting(db, eventsAfter(db, id, after, limit)),
    milestones: (id) => lasting(db, milestonesOf(db, id)),
    waiting: (spaceId, limit) => waitingOf(db, spaceId, limit),
    waitingBefore: (id) => countWaitingBefore(db, id),
    pace: (spaceId) => paceOf(db, spaceId),
    counts: (spaceId) => read.countsOf(db, spaceId),
    totals: (since) => read.totalsSince(db, since),
    overdue: (at, limit) => read.overdueAt(db, node, at, limit),
    held: () => read.heldBy(db, node),
    orphans: (limit) => read.orphansBeside(db, node, limit),
    away: (spaceId, app) => read.awayOf(db, spaceId, app),
    expired: (at, limit) => read.expiredAt(db, at, limit),
    unfinished: (spaceId, limit) => read.unfinishedOf(db, spaceId, limit),
    strandedSpaces: (at) => strandedSpaces(db, at),
    unclaimed: (spaceId, before, limit) => unclaimedOf(db, spaceId, before, limit),
    prune: (which) => pruneRequests(db, which),
    spacesWithClaimable: () => read.spacesWithClaimable(db),
  }
}
