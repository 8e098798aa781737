import { setImmediate as endOfTurn } from 'node:timers/promises'
import type { SpaceId } from '@websocket-spaces/protocol'
import type { SpaceStore } from '../spaces/ports.ts'

/**
 * A store of spaces that looks one up once for all who ask in the same turn of the event loop. It looks when the turn
 * is over, so that everybody gets what was there after he asked.
 */
export function joinLooks(store: SpaceStore): SpaceStore {
  return {
    ...store,
    find: joined(
      (id: SpaceId) => store.find(id),
      (id) => id,
    ),
    findByName: joined(
      (owner: string, name: string) => store.findByName(owner, name),
      (owner, name) => `${owner.toLowerCase()}/${name}`,
    ),
  }
}

function joined<Args extends readonly unknown[], T>(look: (...args: Args) => Promise<T>, keyOf: (...args: Args) => string) {
  const asked = new Map<string, Promise<T>>()
  return async (...args: Args): Promise<T> => {
    const key = keyOf(...args)
    const looking =
      asked.get(key) ??
      endOfTurn().then(() => {
        asked.delete(key)
        return look(...args)
      })
    asked.set(key, looking)
    return looking
  }
}
