import type { RequestEvent, RequestId } from '@websocket-spaces/protocol'
import { type Fact, next } from '../../requests/lifecycle.ts'
import type { Applied, StoredRequest } from '../../requests/ports.ts'
import type { Database } from '../database.ts'
import { locking, transact } from '../dialect.ts'
import { statement } from '../statement.ts'
import { endUntouched } from './end-untouched.ts'
import { addEvent, isInRow, keepStart } from './log.ts'
import { changeRequest, type RequestRow, selectRequests, toRequest } from './rows.ts'
import { type Change, changeOf, eventOf, leaseColumns, resultAfter } from './step.ts'

/**
 * Applies one fact: reads the request, asks the lifecycle, writes the step and its event, in one transaction. A request
 * that ends as it was `last` known to stand is not read.
 */
export function applyFact(db: Database, node: string, id: RequestId, fact: Fact, last?: StoredRequest): Promise<Applied> {
  const apply = async (tx: Database): Promise<Applied> => {
    const ended = last === undefined ? null : await endUntouched(tx, last, fact)
    if (ended !== null) return ended
    const [row] = await lockRequest(tx, { id })
    if (row === undefined) return { ok: false, code: 'not_found', request: null }
    const request = toRequest(row)
    const step = next(request.phase, request, fact)
    if (step.to === 'refused') return { ok: false, code: step.code, request }
    if (step.to === 'same') return { ok: true, changed: false, request, events: [] }
    if (step.to === 'leased') {
      // Who began it stays known, whoever goes on with it.
      if (step.lease.instance !== row.instance) await keepStart(tx, row)
      return keepQuiet(tx, row, { ...leaseColumns(step.lease), node_id: node })
    }
    // Nobody is told: it was queued before, too. An app that comes and goes all day must not fill the logs of what it never began.
    if (step.to === 'waiting' && request.phase.at === 'handed') return keepQuiet(tx, row, changeOf(step))
    const change: Change = { ...changeOf(step), last_seq: request.lastSeq + 1 }
    const event = eventOf(step, request, fact.at)
    await changeRequest(tx, id, change)
    if (step.to === 'waiting') await keepStart(tx, row)
    if (!isInRow(event)) await addEvent(tx, { request_id: id, seq: event.seq, type: event.type, data: dataOf(event), at: fact.at })
    const known = { input: request.input, result: resultAfter(step, request) }
    return { ok: true, changed: true, request: toRequest(Object.assign(row, change), known), events: [event] }
  }
  return transact(db, apply, { place: { lane: 'apply', key: id } })
}

const lockRequest = statement<{ id: RequestId }, RequestRow>((db, slot) =>
  locking(db, 'requests', selectRequests(db).where('requests.id', '=', slot('id'))),
)

/** A change that adds nothing to the log. */
async function keepQuiet(tx: Database, row: RequestRow, change: Change): Promise<Applied> {
  await changeRequest(tx, row.id, change)
  return { ok: true, changed: true, request: toRequest(Object.assign(row, change)), events: [] }
}

function dataOf({ seq: _seq, at: _at, type: _type, ...data }: RequestEvent): string {
  return JSON.stringify(data)
}
