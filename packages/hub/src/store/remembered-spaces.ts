import { LRUCache } from 'lru-cache'
import type { SpaceStore, StoredSpace } from '../spaces/ports.ts'

const KEPT = 1_000

/**
 * A store of spaces that remembers what was looked up until somebody writes. Right only where all writes go through
 * it, as with SQLite, whose file no other process can open: each request looks its space up twice.
 */
export function rememberSpaces(store: SpaceStore): SpaceStore {
  const known = new LRUCache<string, StoredSpace>({ max: KEPT })
  let writes = 0

  async function find(key: string, look: () => Promise<StoredSpace | null>): Promise<StoredSpace | null> {
    const kept = known.get(key)
    if (kept !== undefined) return kept
    const before = writes
    const found = await look()
    // What was read while somebody wrote may be as it was before.
    if (found !== null && before === writes) known.set(key, found)
    return found
  }

  async function write<T>(run: () => Promise<T>): Promise<T> {
    forget()
    return run().finally(forget)
  }

  function forget(): void {
    writes += 1
    known.clear()
  }

  return {
    ...store,
    find: (id) => find(`id ${id}`, () => store.find(id)),
    findByName: (owner, name) => find(`name ${owner.toLowerCase()}/${name}`, () => store.findByName(owner, name)),
    insert: (space, limit) => write(() => store.insert(space, limit)),
    update: (id, change, at) => write(() => store.update(id, change, at)),
    remove: (id) => write(() => store.remove(id)),
    markSeen: (ids, at) => write(() => store.markSeen(ids, at)),
    setCover: (id, cover, at) => write(() => store.setCover(id, cover, at)),
  }
}
