import type { Eta, SpaceId } from '@websocket-spaces/protocol'
import { LRUCache } from 'lru-cache'
import type { Presence } from '../spaces/ports.ts'
import { estimate } from './estimate.ts'
import type { RequestStore } from './ports.ts'

/** Milliseconds for which a forecast is good enough. */
const KEPT = 1_000
const SPACES = 1_000
/** Places worked out one by one; further back it takes in proportion longer. */
export const FORECAST_PLACES = 500
const FEWEST_PLACES = 16

export interface ForecastDeps {
  readonly store: Pick<RequestStore, 'pace'>
  readonly presence: Pick<Presence, 'slots'>
  readonly now: () => number
}

/** How long those who wait in a space may have to. Each node works it out from what is stored, and keeps it for a second unless the queue moves. */
export class Forecasts {
  readonly #deps: ForecastDeps
  readonly #known = new LRUCache<SpaceId, { readonly places: number; readonly etas: Promise<Eta[]> }>({ max: SPACES, ttl: KEPT })

  constructor(deps: ForecastDeps) {
    this.#deps = deps
  }

  /** For the first so many in line, next first; empty when nobody knows. */
  async first(spaceId: SpaceId, places: number): Promise<readonly Eta[]> {
    const known = this.#known.get(spaceId)
    return known !== undefined && known.places >= places ? known.etas : this.renewed(spaceId, places)
  }

  /** As {@link first}, of what is stored now: something has moved. */
  async renewed(spaceId: SpaceId, places: number): Promise<readonly Eta[]> {
    const etas = this.#estimate(spaceId, places)
    this.#known.set(spaceId, { places, etas })
    etas.catch(() => this.#known.delete(spaceId))
    return etas
  }

  /** For whoever is at this place, 1 = next; null when nobody knows. */
  async at(spaceId: SpaceId, position: number): Promise<Eta | null> {
    const place = Math.min(position, FORECAST_PLACES)
    const eta = (await this.first(spaceId, roundedUp(place)))[place - 1]
    if (eta === undefined || position === place) return eta ?? null
    const times = position / place
    return { low_seconds: Math.floor(eta.low_seconds * times), high_seconds: Math.ceil(eta.high_seconds * times) }
  }

  async #estimate(spaceId: SpaceId, places: number): Promise<Eta[]> {
    const { store, presence, now } = this.#deps
    const slots = await presence.slots(spaceId)
    return slots === 0 ? [] : estimate(await store.pace(spaceId), slots, now(), places)
  }
}

/** So that each further place does not cost a forecast of its own. */
function roundedUp(places: number): number {
  return Math.max(FEWEST_PLACES, Math.min(FORECAST_PLACES, 2 ** Math.ceil(Math.log2(places))))
}
