/** The hub is killed again and again while requests come in and wait: none that it accepted is lost. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { SpacesClient } from '@websocket-spaces/client'
import { eventually } from '../harness/eventually.ts'
import { startEchoApp } from '../harness/echo-app-process.ts'
import { type HubProcess, startHubProcess } from '../harness/hub-process.ts'
import { makeSpace, signInAdmin } from '../harness/people.ts'

const SEEDS = [11, 42, 2024]
const KILLS = 3

test.each(SEEDS)('every accepted request survives kills at random moments (seed %i)', { timeout: 120_000 }, async (seed) => {
  const random = mulberry32(seed)
  await using hub = await startHubProcess()
  const owned = await makeSpace(await signInAdmin(hub.url), { name: 'survivor', max_queue: 100_000 })
  const user = await withKey(hub)
  await using app = await startEchoApp(hub.url, owned)

  const accepted = new Map<string, string>()
  const first = await user.submit(owned.reference, { prompt: 'hold the queue' })
  accepted.set(first.id, 'hold the queue')
  await app.line(new RegExp(`^started ${first.id}`))
  for (let kill = 1; kill <= KILLS; kill++) {
    const stop = new AbortController()
    const submitting = Promise.all([1, 2, 3].map((lane) => submitUntil(stop.signal, user, owned.reference, `${kill}.${lane}`, accepted)))
    await sleep(50 + Math.floor(random() * 600))
    await hub.kill()
    stop.abort()
    await submitting
    const lines = app.lines.length
    await hub.start()
    await app.line(/^registered/, lines)
    for (const id of accepted.keys()) expect((await user.getRequest(id)).finished_at, id).toBeNull()
  }
  expect(accepted.size).toBeGreaterThan(KILLS)

  app.write('go\n')
  for (const [id, prompt] of accepted) {
    const view = await eventually(
      () => user.getRequest(id),
      (current) => current.finished_at !== null,
      60_000,
    )
    expect(view).toMatchObject({ status: 'completed', input: { prompt }, result: { text_output: prompt } })
  }
  await hub.kill()
  await hub.start()
  for (const [id, prompt] of accepted) expect((await user.getRequest(id)).result).toMatchObject({ text_output: prompt })
  // What was stored but never answered is run as well.
  const { status } = await eventually(
    () => user.getSpace(owned.reference),
    (space) => space.status.queue_length + space.status.processing === 0,
  )
  expect(status).toMatchObject({ queue_length: 0, processing: 0 })
})

/** An API key outlives the hub's memory, as a session does; it also needs no cookie. */
async function withKey(hub: HubProcess): Promise<SpacesClient> {
  const admin = await signInAdmin(hub.url)
  const { token } = await admin.createKey('kill test')
  return new SpacesClient({ host: hub.url, apiKey: token, timeoutMs: 10_000 })
}

/** What the hub said "accepted" to goes into the map; what it never answered does not count. */
async function submitUntil(
  stop: AbortSignal,
  user: SpacesClient,
  space: string,
  name: string,
  accepted: Map<string, string>,
): Promise<void> {
  for (let count = 1; !stop.aborted && count <= 40; count++) {
    const prompt = `request ${name}.${count} 你好`
    try {
      accepted.set((await user.submit(space, { prompt }, { giveUpAfterMs: 0 })).id, prompt)
    } catch (error) {
      if (!stop.aborted) await sleep(5)
      if (error instanceof Error && 'code' in error && error.code === 'internal') throw error
    }
  }
}

/** A small seeded generator, so that a failing run can be repeated. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
