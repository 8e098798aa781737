import { v7 as uuid } from 'uuid'
import {
  type CreateSpaceBody,
  type ErrorCode,
  LIMITS,
  type listSpacesQuery,
  type Space,
  type SpaceId,
  spaceId,
  type SpacePage,
  SpacesError,
  type SpaceStatus,
  type UpdateSpaceBody,
} from '@websocket-spaces/protocol'
import type { z } from 'zod'
import type { Identity } from '../accounts/identity.ts'
import { assertCanEdit, canSee } from './access.ts'
import type { ConnectionChoice } from './connections.ts'
import type { Cover, Presence, SpaceChange, SpaceStore, StoredSpace } from './ports.ts'
import { type QueueCounts, statusOfSpace, viewSpace } from './status.ts'

/** So often requests that keep coming may hold up the deletion of their space. */
const MOST_TRIES = 100

export interface CatalogDeps {
  readonly store: SpaceStore
  readonly presence: Pick<Presence, 'replicas'>
  readonly closeConnections: (choice: ConnectionChoice, code: ErrorCode) => void
  readonly counts: (id: SpaceId) => Promise<QueueCounts>
  /** Ends what is alive in a space that is about to be deleted. */
  readonly beforeDelete: (id: SpaceId) => Promise<void>
  readonly onChanged: (change: SpaceChange) => void
  readonly now: () => number
}

/** Making, finding, changing and deleting spaces. */
export class Catalog {
  readonly #deps: CatalogDeps

  constructor(deps: CatalogDeps) {
    this.#deps = deps
  }

  /** Throws `space_name_taken`, `too_many`. */
  async create(identity: Identity, settings: CreateSpaceBody): Promise<Space> {
    const { store, now } = this.#deps
    const id = spaceId.parse(uuid())
    const inserted = await store.insert({ id, ownerId: identity.userId, settings, at: now() }, LIMITS.spacesPerOwner)
    if (!inserted) throw new SpacesError('space_name_taken', { name: settings.name })
    const space = await this.byId(id, identity)
    this.#tell(space, 'edited')
    return this.view(space, identity)
  }

  /** Throws `space_not_found`, also where existence is private. */
  async find(owner: string, name: string, identity: Identity): Promise<StoredSpace> {
    const space = await this.#deps.store.findByName(owner, name)
    if (space === null || !canSee(space, identity)) throw new SpacesError('space_not_found', { name: `${owner}/${name}` })
    return space
  }

  async byId(id: SpaceId, identity: Identity): Promise<StoredSpace> {
    const space = await this.#deps.store.find(id)
    if (space === null || !canSee(space, identity)) throw new SpacesError('space_not_found', { name: id })
    return space
  }

  /** The space, if this user may change it. Throws `space_not_found`, `forbidden`. */
  async editable(owner: string, name: string, identity: Identity): Promise<StoredSpace> {
    const space = await this.find(owner, name, identity)
    assertCanEdit(space, identity)
    return space
  }

  async update(space: StoredSpace, change: UpdateSpaceBody, identity: Identity): Promise<Space> {
    const opening = change.open_registration === true && !space.openRegistration
    if (opening && identity.role !== 'admin') throw new SpacesError('forbidden')
    const updated = await this.#deps.store.update(space.id, change, this.#deps.now())
    if (!updated) throw new SpacesError('space_name_taken', { name: change.name ?? space.name })
    // Apps that needed no token are asked for one as soon as the space is closed again.
    if (change.open_registration === false && space.openRegistration)
      this.#deps.closeConnections({ spaceId: space.id, tokenless: true }, 'token_required')
    const edited = await this.byId(space.id, identity)
    this.#tell(edited, 'edited', space)
    return this.view(edited, identity)
  }

  async remove(space: StoredSpace): Promise<void> {
    const { beforeDelete, store } = this.#deps
    for (let tries = 1; ; tries += 1) {
      await beforeDelete(space.id)
      if (await store.remove(space.id)) break
      // A request was accepted in between; it gets its outcome, too.
      if (tries === MOST_TRIES) throw new Error('requests keep coming into a space that is being deleted')
    }
    this.#tell(space, 'deleted')
  }

  async list(query: z.output<typeof listSpacesQuery>, identity: Identity): Promise<SpacePage> {
    const { search, category, tag, owner, cursor, limit } = query
    const stored = await this.#deps.store.page({
      visibleTo: identity.role === 'admin' ? null : identity.userId,
      search: search?.trim() ?? '',
      category,
      tag,
      owner,
      before: cursor === undefined ? undefined : spaceId.parse(cursor),
      limit: limit + 1,
    })
    const shown = stored.slice(0, limit)
    const spaces = await Promise.all(shown.map((space) => this.view(space, identity)))
    return { spaces, next: stored.length > limit ? (shown.at(-1)?.id ?? null) : null }
  }

  async setCover(space: StoredSpace, cover: Cover | null): Promise<void> {
    await this.#deps.store.setCover(space.id, cover, this.#deps.now())
    this.#tell(space, 'edited')
  }

  async cover(space: StoredSpace): Promise<Cover> {
    const cover = await this.#deps.store.cover(space.id)
    if (cover === null) throw new SpacesError('not_found')
    return cover
  }

  count(): Promise<number> {
    return this.#deps.store.count()
  }

  async status(space: Pick<StoredSpace, 'id' | 'lastSeenAt'>): Promise<SpaceStatus> {
    const { presence, counts } = this.#deps
    return statusOfSpace(space, await presence.replicas(space.id), await counts(space.id))
  }

  async view(space: StoredSpace, identity: Identity): Promise<Space> {
    return viewSpace(space, await this.status(space), identity)
  }

  #tell({ id: spaceId, ownerId, visibility }: StoredSpace, change: SpaceChange['change'], before?: StoredSpace): void {
    this.#deps.onChanged({ spaceId, ownerId, change, listed: visibility === 'public' || before?.visibility === 'public' })
  }
}
