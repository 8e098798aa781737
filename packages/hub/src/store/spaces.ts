import { z } from 'zod'
import { inputKind, SpacesError, type UpdateSpaceBody } from '@websocket-spaces/protocol'
import type { NewSpace, SpaceQuery, SpaceStore, StoredSpace } from '../spaces/ports.ts'
import type { Database } from './database.ts'
import { containing, isPostgres, isTaken, locking, takeTurn, transact } from './dialect.ts'
import { joinLooks } from './joined-looks.ts'
import { rememberSpaces } from './remembered-spaces.ts'
import type { SpaceTable } from './schema.ts'
import { SeenSpaces } from './seen-spaces.ts'
import { statement } from './statement.ts'

const strings = z.array(z.string())
const inputKinds = z.array(inputKind)

export function createSpaceStore(db: Database): SpaceStore {
  const store = storeIn(db)
  return isPostgres(db) ? joinLooks(store) : rememberSpaces(store)
}

function storeIn(db: Database): SpaceStore {
  const seen = new SeenSpaces(db)
  return {
    insert: (space, limit) => takenAsFalse(() => insertSpace(db, space, limit)),
    update: (id, change, at) =>
      takenAsFalse(() =>
        db
          .updateTable('spaces')
          .set({ ...columnsOf(change), updated_at: at })
          .where('id', '=', id)
          .execute(),
      ),
    remove: (id) => removeSpace(db, id),
    find: async (id) => toSpaceOrNull(...(await spaceById(db, { id }))),
    findByName: async (owner, name) => toSpaceOrNull(...(await spaceByName(db, { owner: owner.toLowerCase(), name }))),
    allNamed: async (name) => (await selectSpaces(db).where('spaces.name', '=', name).limit(100).execute()).map(toSpace),
    page: (query) => pageOfSpaces(db, query),
    async count() {
      const row = await db
        .selectFrom('spaces')
        .select((e) => e.fn.countAll<number>().as('count'))
        .executeTakeFirst()
      return row?.count ?? 0
    },
    markSeen: (ids, at) => seen.mark(ids, at),
    async setCover(id, cover, at) {
      await transact(db, async (tx) => {
        await takeTurn(tx, 'cover', id)
        await tx.deleteFrom('space_covers').where('space_id', '=', id).execute()
        if (cover !== null)
          await tx.insertInto('space_covers').values({ space_id: id, media_type: cover.mediaType, bytes: cover.bytes }).execute()
        await tx
          .updateTable('spaces')
          .set({ cover_updated_at: cover === null ? null : at, updated_at: at })
          .where('id', '=', id)
          .execute()
      })
    },
    async cover(id) {
      const row = await db.selectFrom('space_covers').selectAll().where('space_id', '=', id).executeTakeFirst()
      return row === undefined ? null : { mediaType: row.media_type, bytes: new Uint8Array(row.bytes) }
    },
  }
}

type SpaceRow = SpaceTable & { owner_name: string }

function selectSpaces(db: Database) {
  return db
    .selectFrom('spaces')
    .innerJoin('user', 'user.id', 'spaces.owner_id')
    .selectAll('spaces')
    .select((e) => e.fn.coalesce('user.displayUsername', 'user.username', e.val('')).as('owner_name'))
}

const spaceById = statement<{ id: StoredSpace['id'] }, SpaceRow>((db, slot) => selectSpaces(db).where('spaces.id', '=', slot('id')))

const spaceByName = statement<{ owner: string; name: string }, SpaceRow>((db, slot) =>
  selectSpaces(db).where('user.username', '=', slot('owner')).where('spaces.name', '=', slot('name')),
)

async function insertSpace(db: Database, { id, ownerId, settings, at }: NewSpace, limit: number): Promise<void> {
  await transact(db, async (tx) => {
    await takeTurn(tx, 'spaces of', ownerId)
    const owned = await tx
      .selectFrom('spaces')
      .select('id')
      .where('owner_id', '=', ownerId)
      .offset(limit - 1)
      .limit(1)
      .executeTakeFirst()
    if (owned !== undefined) throw new SpacesError('too_many', { limit })
    await tx
      .insertInto('spaces')
      .values({
        id,
        owner_id: ownerId,
        name: settings.name,
        description: settings.description,
        category: settings.category,
        tags: JSON.stringify(settings.tags),
        emoji: settings.emoji,
        visibility: settings.visibility,
        inputs: JSON.stringify(settings.inputs),
        examples: JSON.stringify(settings.examples),
        max_queue: settings.max_queue,
        min_interval_seconds: settings.min_interval_seconds,
        daily_quota: settings.daily_quota,
        deadline_seconds: settings.deadline_seconds,
        max_attempts: settings.max_attempts,
        hold_seconds: settings.hold_seconds,
        open_registration: 0,
        created_at: at,
        updated_at: at,
      })
      .execute()
  })
}

function columnsOf(change: UpdateSpaceBody): Partial<SpaceTable> {
  const { tags, inputs, examples, open_registration, ...plain } = change
  const columns = {
    ...plain,
    tags: tags === undefined ? undefined : JSON.stringify(tags),
    inputs: inputs === undefined ? undefined : JSON.stringify(inputs),
    examples: examples === undefined ? undefined : JSON.stringify(examples),
    open_registration: open_registration === undefined ? undefined : Number(open_registration),
  }
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined))
}

async function removeSpace(db: Database, id: StoredSpace['id']): Promise<boolean> {
  return transact(db, async (tx) => {
    // Held first: a submit that comes now waits, and then finds the space gone.
    await locking(tx, 'spaces', tx.selectFrom('spaces').select('id').where('id', '=', id)).execute()
    const requests = tx.selectFrom('requests').select('id').where('space_id', '=', id)
    // Accepted before: it must get its outcome first, and its followers must hear of it.
    if ((await requests.where('finished_at', 'is', null).limit(1).executeTakeFirst()) !== undefined) return false
    await tx.deleteFrom('request_events').where('request_id', 'in', requests).execute()
    await tx.deleteFrom('requests').where('space_id', '=', id).execute()
    await tx.deleteFrom('submissions').where('space_id', '=', id).execute()
    await tx.deleteFrom('space_covers').where('space_id', '=', id).execute()
    await tx.deleteFrom('spaces').where('id', '=', id).execute()
    return true
  })
}

async function pageOfSpaces(db: Database, query: SpaceQuery): Promise<StoredSpace[]> {
  const { visibleTo, search, category, tag, owner, before, limit } = query
  let select = selectSpaces(db).orderBy('spaces.id', 'desc').limit(limit)
  if (visibleTo !== null) select = select.where((e) => e.or([e('spaces.visibility', '=', 'public'), e('spaces.owner_id', '=', visibleTo)]))
  if (category !== undefined) select = select.where('spaces.category', '=', category)
  if (owner !== undefined) select = select.where('user.username', '=', owner.toLowerCase())
  if (before !== undefined) select = select.where('spaces.id', '<', before)
  if (tag !== undefined) select = select.where(containing(db, 'spaces.tags', JSON.stringify(tag)))
  if (search !== '') {
    const columns = ['spaces.name', 'user.username', 'spaces.description', 'spaces.tags']
    select = select.where((e) => e.or(columns.map((column) => containing(db, column, search))))
  }
  return (await select.execute()).map(toSpace)
}

function toSpaceOrNull(row?: SpaceRow): StoredSpace | null {
  return row === undefined ? null : toSpace(row)
}

function toSpace(row: SpaceRow): StoredSpace {
  return {
    id: row.id,
    ownerId: row.owner_id,
    owner: row.owner_name,
    name: row.name,
    description: row.description,
    category: row.category,
    tags: strings.parse(JSON.parse(row.tags)),
    emoji: row.emoji,
    visibility: row.visibility,
    inputs: inputKinds.parse(JSON.parse(row.inputs)),
    examples: strings.parse(JSON.parse(row.examples)),
    maxQueue: row.max_queue,
    minIntervalSeconds: row.min_interval_seconds,
    dailyQuota: row.daily_quota,
    deadlineSeconds: row.deadline_seconds,
    maxAttempts: row.max_attempts,
    holdSeconds: row.hold_seconds,
    openRegistration: row.open_registration === 1,
    coverUpdatedAt: row.cover_updated_at,
    lastSeenAt: row.last_seen_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** The only constraint these writes can break is the unique name. */
async function takenAsFalse(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write()
    return true
  } catch (error) {
    if (isTaken(error)) return false
    throw error
  }
}
