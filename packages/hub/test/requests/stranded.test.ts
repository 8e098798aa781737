import { expect, test } from 'vitest'
import { TIMING } from '@websocket-spaces/protocol'
import { Forecasts } from '../../src/requests/forecasts.ts'
import { QueueBoard } from '../../src/requests/queue-board.ts'
import { Stranded } from '../../src/requests/stranded.ts'
import { LocalPresence } from '../../src/spaces/local-presence.ts'
import { eventually } from '../support/eventually.ts'
import { type FlowStage, setStage } from '../support/flow-stage.ts'
import { codeOf } from '../support/material.ts'

const LOOK_EVERY = 5_000
const MINUTE = 60_000

/** Sweeps as a hub does, on a clock of its own. */
class Watch implements Disposable {
  at = Date.now()
  readonly #stranded: Stranded
  readonly #board: QueueBoard

  constructor({ store, bus, connections, under, errors }: FlowStage) {
    const presence = new LocalPresence(connections)
    const forecasts = new Forecasts({ store, presence, now: () => this.at })
    this.#board = new QueueBoard({ store, bus, forecasts, onError: (error) => errors.push(error) })
    this.#stranded = new Stranded({ store, bus, board: this.#board, spaces: under.spaces, connections, presence, now: () => this.at })
  }

  async pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0; left -= LOOK_EVERY) {
      this.at += Math.min(left, LOOK_EVERY)
      await this.#stranded.sweep()
    }
  }

  [Symbol.dispose](): void {
    this.#board.stop()
  }
}

test('without an app a space refuses, unless it holds; what it holds goes to the app that comes', async () => {
  await using stage = await setStage({ hold_seconds: 3_600 })
  const id = await stage.submit()
  expect((await stage.store.find(id))?.phase).toEqual({ at: 'waiting' })
  const app = stage.join()
  await stage.until(id, ({ phase }) => phase.at === 'running')
  expect(app.ids).toEqual([id])

  await using refusing = await setStage()
  expect(await codeOf(refusing.submit())).toBe('app_not_connected')
})

test('a held request fails when no app came in time, and its followers hear of it', async () => {
  await using stage = await setStage({ hold_seconds: 600 })
  using watch = new Watch(stage)
  const id = await stage.submit()
  const heard: string[] = []
  stage.bus.subscribe(`request:${id}`, ({ item }) => heard.push(item.type))
  await watch.pass(9 * MINUTE)
  const late = await stage.submit()
  expect((await stage.store.find(id))?.phase).toEqual({ at: 'waiting' })
  await watch.pass(2 * MINUTE)
  expect(await stage.store.find(id)).toMatchObject({
    phase: { at: 'finished', status: 'failed' },
    error: { code: 'app_stayed_away', message: expect.stringContaining('10 min') as string },
  })
  expect(heard).toContain('result')
  // On the hub's own clock this one is as old, by some milliseconds.
  expect((await stage.store.find(late))?.phase).toMatchObject({ at: 'finished' })
})

test('nothing is ended while an app is connected, nor as long after it left', async () => {
  await using stage = await setStage({ hold_seconds: 600 })
  using watch = new Watch(stage)
  const app = stage.join({ concurrency: 1, prefetch: 0 })
  const running = await stage.submit()
  await stage.until(running, ({ phase }) => phase.at === 'running')
  const waits = await stage.submit()
  await watch.pass(60 * MINUTE)
  expect((await stage.store.find(waits))?.phase).toEqual({ at: 'waiting' })
  const seen = (await stage.under.spaces.find(stage.space.id))?.lastSeenAt ?? 0
  expect(watch.at - seen).toBeLessThan(MINUTE)

  app.leave()
  await eventually(
    () => stage.under.spaces.find(stage.space.id),
    (space) => space?.lastSeenAt !== seen,
  )
  // The hub noted the leaving on its own clock; on this one it is now.
  await stage.under.spaces.markSeen([stage.space.id], watch.at)
  await watch.pass(9 * MINUTE)
  expect((await stage.store.find(waits))?.phase).toEqual({ at: 'waiting' })
  await watch.pass(2 * MINUTE)
  expect((await stage.store.find(waits))?.error?.code).toBe('app_stayed_away')
})

test('after a start, or a time in which nobody looked, apps are given time to come back', async () => {
  await using stage = await setStage({ hold_seconds: 1 })
  using watch = new Watch(stage)
  const id = await stage.submit()
  watch.at += 24 * 60 * MINUTE
  await watch.pass(TIMING.appsReturnWithin - LOOK_EVERY)
  watch.at += MINUTE
  await watch.pass(TIMING.appsReturnWithin)
  expect((await stage.store.find(id))?.phase).toEqual({ at: 'waiting' })
  await watch.pass(LOOK_EVERY)
  expect((await stage.store.find(id))?.error?.code).toBe('app_stayed_away')
})

test('an app that only drains keeps nothing waiting', async () => {
  await using stage = await setStage({ hold_seconds: 600 })
  using watch = new Watch(stage)
  const app = stage.join()
  stage.connections.drain(app.connection)
  const id = await stage.submit()
  await watch.pass(12 * MINUTE)
  expect(await stage.store.find(id)).toMatchObject({ phase: { at: 'finished' }, error: { code: 'app_stayed_away' } })
})
