import { type SpaceId, TIMING } from '@websocket-spaces/protocol'
import { type Connections, takesWork } from '../spaces/connections.ts'
import type { Presence, SpaceStore } from '../spaces/ports.ts'
import { announceChange } from './announce.ts'
import type { EndDeps } from './cancel.ts'

/** Requests of one space that are ended in one sweep. */
const BATCH = 500
const SECOND = 1_000
/** Milliseconds between two looks after which this node cannot say what happened meanwhile. */
const ABSENCE = 30_000
/** While an app is connected, its space is noted as seen this often (milliseconds): all that is known of it after a crash. */
const NOTE_EVERY = 30_000

export interface StrandedDeps extends EndDeps {
  readonly spaces: Pick<SpaceStore, 'markSeen'>
  readonly connections: Pick<Connections, 'all'>
  readonly presence: Pick<Presence, 'replicas'>
}

/** Ends requests for which no app came: every accepted request gets an outcome, also when its space is abandoned. */
export class Stranded {
  readonly #deps: StrandedDeps
  #watchingSince: number | undefined
  #lookedAt = 0
  #notedAt = 0

  constructor(deps: StrandedDeps) {
    this.#deps = deps
  }

  /** To be called every few seconds. */
  async sweep(): Promise<void> {
    const { now, store, presence } = this.#deps
    const at = now()
    await this.#noteSeen(at)
    if (!this.#hasWatched(at)) return
    for (const { spaceId, seconds } of await store.strandedSpaces(at)) {
      if ((await presence.replicas(spaceId)) === 0) await this.#endIn(spaceId, seconds, at)
    }
  }

  /** After a start or an outage, apps are given time to come back before anything is held against them. */
  #hasWatched(at: number): boolean {
    if (this.#watchingSince === undefined || at - this.#lookedAt > ABSENCE) this.#watchingSince = at
    this.#lookedAt = at
    return at - this.#watchingSince >= TIMING.appsReturnWithin
  }

  async #noteSeen(at: number): Promise<void> {
    if (at - this.#notedAt < NOTE_EVERY) return
    const { connections, spaces } = this.#deps
    const served = new Set(
      connections
        .all()
        .filter(takesWork)
        .map(({ spaceId }) => spaceId),
    )
    if (served.size > 0) await spaces.markSeen([...served], at)
    this.#notedAt = at
  }

  async #endIn(spaceId: SpaceId, seconds: number, at: number): Promise<void> {
    const { store, bus, board } = this.#deps
    const fact = { type: 'stranded', at, within: timeOf(seconds) } as const
    for (const id of await store.unclaimed(spaceId, at - seconds * SECOND, BATCH)) {
      const applied = await store.apply(id, fact)
      // An app came after all, or somebody else ended it.
      if (!applied.ok || !applied.changed) continue
      announceChange(bus, applied.request, applied.events)
      board.changed(spaceId)
    }
  }
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const

/** `8 h`, `90 s`: whole numbers of the largest unit that has them. The symbols are the same in every language. */
function timeOf(seconds: number): string {
  const unit = UNITS.find(([, size]) => seconds % size === 0)
  return unit === undefined ? `${seconds} s` : `${seconds / unit[1]} ${unit[0]}`
}
