import type { Migration } from 'kysely/migration'
import { base } from './001-base.ts'
import { accounts } from './002-accounts.ts'
import { idempotency } from './003-idempotency.ts'
import { nodes } from './004-nodes.ts'
import { history } from './005-history.ts'
import { policy } from './006-policy.ts'
import { leases } from './007-leases.ts'
import { fairness } from './008-fairness.ts'
import { pace } from './009-pace.ts'
import { renews } from './010-renews.ts'
import { held } from './011-held.ts'
import { logEnds } from './012-log-ends.ts'
import { logStarts } from './013-log-starts.ts'
import { heldOnce } from './014-held-once.ts'

/** In order; a name, once released, never changes. */
export const migrations: Record<string, Migration> = {
  '001-base': base,
  '002-accounts': accounts,
  '003-idempotency': idempotency,
  '004-nodes': nodes,
  '005-history': history,
  '006-policy': policy,
  '007-leases': leases,
  '008-fairness': fairness,
  '009-pace': pace,
  '010-renews': renews,
  '011-held': held,
  '012-log-ends': logEnds,
  '013-log-starts': logStarts,
  '014-held-once': heldOnce,
}
