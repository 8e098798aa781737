import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SpaceId, UserId } from '@websocket-spaces/protocol'
import type { SpaceQuery, SpaceStore } from '../../src/spaces/ports.ts'
import { addSpace, codeOf, newSpace, newSpaceId, NOON, uniqueName } from '../support/material.ts'
import type { StoreUnderTest } from '../support/sqlite-store.ts'

/** The rules every space store keeps: SQLite's and any other. */
export function spaceStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a space store`, () => {
    let under: StoreUnderTest
    let store: SpaceStore
    let alice: UserId
    let bob: UserId
    beforeAll(async () => {
      under = await open()
      store = under.spaces
      alice = await under.addUser('Alice')
      bob = await under.addUser('Bob')
    })
    afterAll(() => under[Symbol.asyncDispose]())

    async function namesIn(query: Partial<SpaceQuery>): Promise<string[]> {
      const all = { visibleTo: null, search: '', category: undefined, tag: undefined, owner: undefined, before: undefined, limit: 1_000 }
      return (await store.page({ ...all, ...query })).map((space) => space.name)
    }

    test('S1 what is inserted is found as it was given', async () => {
      const space = newSpace(alice, {
        description: '写诗 *poems*',
        tags: ['诗', 'b"c'],
        inputs: ['prompt', 'file'],
        examples: ['一'],
        daily_quota: 5,
        max_attempts: 7,
        hold_seconds: 3_600,
      })
      expect(await store.insert(space, 1_000)).toBe(true)
      const { settings } = space
      expect(await store.find(space.id)).toEqual({
        id: space.id,
        ownerId: alice,
        owner: 'Alice',
        name: settings.name,
        description: settings.description,
        category: 'other',
        tags: settings.tags,
        emoji: '',
        visibility: 'public',
        inputs: settings.inputs,
        examples: settings.examples,
        maxQueue: settings.max_queue,
        minIntervalSeconds: 0,
        dailyQuota: 5,
        deadlineSeconds: settings.deadline_seconds,
        maxAttempts: 7,
        holdSeconds: 3_600,
        openRegistration: false,
        coverUpdatedAt: null,
        lastSeenAt: null,
        createdAt: NOON,
        updatedAt: NOON,
      })
      expect(await store.find(newSpaceId())).toBeNull()
    })

    test('S2 an owner has a name once, in each case; another owner may have it too', async () => {
      const space = await addSpace(under, alice)
      const again = (owner: UserId, spaceName: string): Promise<boolean> => store.insert(newSpace(owner, { name: spaceName }), 1_000)
      expect(await again(alice, space.name)).toBe(false)
      expect(await again(alice, space.name.toUpperCase())).toBe(true)
      expect(await again(bob, space.name)).toBe(true)
      expect((await store.allNamed(space.name)).map(({ owner }) => owner).toSorted()).toEqual(['Alice', 'Bob'])
      expect(await Promise.all([0, 1].map(() => again(bob, `${space.name}-twice`)))).toContain(false)
    })

    test('S3 an owner has at most so many spaces', async () => {
      const owner = await under.addUser('Collector')
      expect(await store.insert(newSpace(owner), 2)).toBe(true)
      expect(await store.insert(newSpace(owner), 2)).toBe(true)
      expect(await codeOf(store.insert(newSpace(owner), 2))).toBe('too_many')
    })

    test('S4 the owner is found in any case, the name only in its own', async () => {
      const space = await addSpace(under, alice, { name: uniqueName('Case') })
      expect((await store.findByName('ALICE', space.name))?.id).toBe(space.id)
      expect(await store.findByName('alice', space.name.toLowerCase())).toBeNull()
      expect(await store.findByName('bob', space.name)).toBeNull()
      expect(await store.allNamed(space.name.toLowerCase())).toEqual([])
    })

    test('S5 an update changes what it names, and refuses a name that is taken', async () => {
      const [one, two] = [await addSpace(under, alice, { tags: ['kept'] }), await addSpace(under, alice)]
      expect(await store.update(one.id, { name: two.name }, NOON + 1)).toBe(false)
      expect(await store.find(one.id)).toEqual(one)
      expect(await store.update(one.id, { emoji: '🦊', open_registration: true, examples: ['e'], hold_seconds: 60 }, NOON + 1)).toBe(true)
      const changed = { emoji: '🦊', openRegistration: true, examples: ['e'], holdSeconds: 60, updatedAt: NOON + 1 }
      expect(await store.find(one.id)).toEqual({ ...one, ...changed })
      expect(await store.find(two.id)).toEqual(two)
    })

    test('S6 a listing shows the public ones and the own ones, newest first', async () => {
      const owner = await under.addUser('Lister')
      const visibilities = ['public', 'unlisted', 'private'] as const
      for (const visibility of visibilities) await addSpace(under, owner, { name: `Lister-${visibility}`, visibility })
      expect(await namesIn({ owner: 'lister', visibleTo: bob })).toEqual(['Lister-public'])
      expect(await namesIn({ owner: 'lister', visibleTo: owner })).toEqual(['Lister-private', 'Lister-unlisted', 'Lister-public'])
      expect(await namesIn({ owner: 'lister', visibleTo: null })).toHaveLength(3)
    })

    test('S7 a search is for name, owner, description and tags; category and whole tags narrow it', async () => {
      const owner = await under.addUser('Searcher')
      await addSpace(under, owner, { name: 'Searcher-a', description: '写一首诗', category: 'text', tags: ['poem', '诗'] })
      await addSpace(under, owner, { name: 'Searcher-b', description: 'pictures', category: 'image', tags: ['poems'] })
      const of = { owner: 'searcher' }
      expect(await namesIn({ ...of, search: '一首' })).toEqual(['Searcher-a'])
      expect(await namesIn({ ...of, search: 'PICTURE' })).toEqual(['Searcher-b'])
      expect(await namesIn({ ...of, search: 'searcher' })).toHaveLength(2)
      expect(await namesIn({ ...of, category: 'image' })).toEqual(['Searcher-b'])
      expect(await namesIn({ ...of, tag: 'poem' })).toEqual(['Searcher-a'])
      expect(await namesIn({ ...of, search: 'nothing like it' })).toEqual([])
    })

    test('S8 pages show each space once', async () => {
      const owner = await under.addUser('Pager')
      for (let index = 0; index < 5; index += 1) await addSpace(under, owner)
      const seen: SpaceId[] = []
      for (let before: SpaceId | undefined; ; before = seen.at(-1)) {
        const page = await store.page({ visibleTo: bob, search: '', category: undefined, tag: undefined, owner: 'pager', before, limit: 2 })
        if (page.length === 0) break
        seen.push(...page.map(({ id }) => id))
      }
      expect(new Set(seen).size).toBe(5)
      expect(seen).toEqual(seen.toSorted().toReversed())
    })

    test('S9 a cover is replaced and taken away; the space remembers when', async () => {
      const space = await addSpace(under, alice)
      expect(await store.cover(space.id)).toBeNull()
      await store.setCover(space.id, { mediaType: 'image/png', bytes: new Uint8Array([1, 0, 255]) }, NOON + 1)
      await store.setCover(space.id, { mediaType: 'image/webp', bytes: new Uint8Array([9]) }, NOON + 2)
      expect(await store.cover(space.id)).toEqual({ mediaType: 'image/webp', bytes: new Uint8Array([9]) })
      expect(await store.find(space.id)).toMatchObject({ coverUpdatedAt: NOON + 2 })
      await store.setCover(space.id, null, NOON + 3)
      expect(await store.cover(space.id)).toBeNull()
      expect(await store.find(space.id)).toMatchObject({ coverUpdatedAt: null })
    })

    test('S10 a removed space is gone; others stay', async () => {
      const [gone, kept] = [await addSpace(under, alice), await addSpace(under, alice)]
      const before = await store.count()
      await store.remove(gone.id)
      await store.remove(gone.id)
      expect(await store.find(gone.id)).toBeNull()
      expect(await store.find(kept.id)).toEqual(kept)
      expect(await store.count()).toBe(before - 1)
      await store.markSeen([gone.id, kept.id], NOON + 9)
      expect(await store.find(kept.id)).toMatchObject({ lastSeenAt: NOON + 9 })
    })

    test('S11 apps seen in many spaces at the same time are all noted, at their time or that of others just after', async () => {
      const spaces = await Promise.all(Array.from({ length: 30 }, () => addSpace(under, alice)))
      await Promise.all(spaces.map(({ id }, index) => store.markSeen([id], NOON + index)))
      for (const [index, { id }] of spaces.entries()) {
        const seenAt = (await store.find(id))?.lastSeenAt ?? 0
        expect(seenAt).toBeGreaterThanOrEqual(NOON + index)
        expect(seenAt).toBeLessThan(NOON + 30)
      }
    })

    test('S12 whoever looks after a change sees it, though others were looking', async () => {
      const space = await addSpace(under, alice)
      for (let round = 1; round <= 20; round += 1) {
        const others = [store.find(space.id), store.findByName('alice', space.name)]
        await store.update(space.id, { description: `round ${round}` }, NOON)
        const found = await Promise.all([store.find(space.id), store.find(space.id), store.findByName('ALICE', space.name)])
        expect(found.map((one) => one?.description)).toEqual(Array.from(found, () => `round ${round}`))
        await Promise.all(others)
      }
    })
  })
}
