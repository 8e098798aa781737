import { afterEach, expect, test, vi } from 'vitest'
import type { FollowItem, RequestEvent } from '@websocket-spaces/protocol'
import { MemoryBus } from '../../src/bus/memory-bus.ts'
import { follow, type FollowDeps } from '../../src/requests/follow.ts'
import type { Bus, BusMessage, MessageOn, StoredRequest, Topic } from '../../src/requests/ports.ts'
import { newRequestId } from '../support/material.ts'

afterEach(() => vi.useRealTimers())

const ID = newRequestId()

/** A log that grows while it is followed; each event is announced unless it is said otherwise. */
class Log {
  readonly events: RequestEvent[] = []
  readonly bus = new CountingBus()
  readonly deps: FollowDeps
  reads = 0
  /** Whether the request is gone with its space. */
  removed = false
  /** Called after a page was read and before the reader gets it. */
  afterRead: () => void = () => undefined

  constructor() {
    this.deps = {
      bus: this.bus,
      store: {
        events: async (_id, after, limit) => {
          this.reads += 1
          const page = this.events.filter(({ seq }) => seq > after).slice(0, limit)
          await Promise.resolve()
          this.afterRead()
          return page
        },
        find: async () => (this.removed ? null : ({ id: ID } as StoredRequest)),
      },
    }
  }

  append(announce = true, type: 'output' | 'result' = 'output'): void {
    const numbered = { seq: this.events.length + 1, at: '2026-01-15T12:00:00.000Z' }
    const event: RequestEvent =
      type === 'result' ? { ...numbered, type, outcome: { status: 'canceled' } } : { ...numbered, type, text: 'x' }
    this.events.push(event)
    if (announce) this.announce(event)
  }

  announce(item: FollowItem): void {
    this.bus.publish({ topic: `request:${ID}`, item })
  }
}

class CountingBus implements Bus {
  readonly #bus = new MemoryBus()
  subscribers = 0

  publish(message: BusMessage): void {
    this.#bus.publish(message)
  }

  subscribe<T extends Topic>(topic: T, handler: (message: MessageOn<T>) => void): () => void {
    this.subscribers += 1
    const stop = this.#bus.subscribe(topic, handler)
    return () => {
      this.subscribers -= 1
      stop()
    }
  }
}

async function seqsOf(log: Log, after = 0, onItem: (item: FollowItem) => void = () => undefined): Promise<number[]> {
  const seqs: number[] = []
  const items = await collect(observed())
  for (const item of items) if (item.type !== 'position') seqs.push(item.seq)
  expect(log.bus.subscribers).toBe(0)
  return seqs

  async function* observed(): AsyncGenerator<FollowItem> {
    for await (const item of follow(log.deps, ID, after, new AbortController().signal)) {
      onItem(item)
      yield item
    }
  }
}

async function collect(items: AsyncIterable<FollowItem>): Promise<FollowItem[]> {
  const collected: FollowItem[] = []
  for await (const item of items) collected.push(item)
  return collected
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

test('history comes first, then live events, and the result ends it', async () => {
  const log = new Log()
  log.append()
  log.append()
  const seqs = seqsOf(log, 0, (item) => {
    if (item.type === 'position' || item.seq !== 2) return
    log.append()
    log.append(true, 'result')
  })
  expect(await seqs).toEqual([1, 2, 3, 4])
})

test('a cursor skips what was seen', async () => {
  const log = new Log()
  for (let index = 0; index < 4; index += 1) log.append()
  log.append(true, 'result')
  expect(await seqsOf(log, 3)).toEqual([4, 5])
})

test('events committed between the read and the live phase come once', async () => {
  const log = new Log()
  log.append()
  log.afterRead = () => {
    log.afterRead = () => undefined
    log.append()
    log.append()
    log.append(true, 'result')
  }
  expect(await seqsOf(log)).toEqual([1, 2, 3, 4])
})

test('events committed during every single read come once each, over many pages', async () => {
  const log = new Log()
  for (let index = 0; index < 1_200; index += 1) log.append()
  log.afterRead = () => log.append(true, log.events.length > 1_230 ? 'result' : 'output')
  const writer = setInterval(() => log.append(), 1)
  try {
    const seqs = await seqsOf(log, 0, (item) => {
      if (item.type !== 'position' && item.seq % 50 === 0) log.append(true, item.seq > 1_000 ? 'result' : 'output')
    })
    expect(seqs).toEqual(upTo(seqs.length))
    expect(log.events[seqs.length - 1]?.type).toBe('result')
  } finally {
    clearInterval(writer)
  }
})

test('duplicates on the bus are shown once', async () => {
  const log = new Log()
  log.append()
  const seqs = await seqsOf(log, 0, (item) => {
    if (item.type === 'position' || item.seq !== 1) return
    log.append()
    for (const event of [...log.events, ...log.events]) log.announce(event)
    log.append(true, 'result')
    for (const event of log.events) log.announce(event)
  })
  expect(seqs).toEqual([1, 2, 3])
})

test('a lost message is found in the store as soon as the next one comes', async () => {
  const log = new Log()
  log.append()
  const seqs = await seqsOf(log, 0, (item) => {
    if (item.type === 'position' || item.seq !== 1) return
    log.append(false)
    log.append(false)
    log.append(true, 'result')
  })
  expect(seqs).toEqual([1, 2, 3, 4])
})

test('reordered messages are put in order', async () => {
  const log = new Log()
  log.append()
  const seqs = await seqsOf(log, 0, (item) => {
    if (item.type === 'position' || item.seq !== 1) return
    for (let index = 0; index < 5; index += 1) log.append(false)
    log.append(false, 'result')
    for (const event of log.events.toReversed()) log.announce(event)
  })
  expect(seqs).toEqual(upTo(7))
})

test('a lost result is found although nothing comes after it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const log = new Log()
  log.append()
  const seqs = seqsOf(log)
  await vi.advanceTimersByTimeAsync(1)
  log.append(false, 'result')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await seqs).toEqual([1, 2])
})

test('a slow follower keeps a bounded number of items and reads the rest from the store', async () => {
  const log = new Log()
  log.append()
  let flooded = 0
  const seqs = await seqsOf(log, 0, (item) => {
    if (item.type === 'position' || (item.seq !== 1 && item.seq !== 2_000)) return
    flooded += 1
    for (let index = 0; index < 3_000; index += 1) log.append()
    if (flooded === 2) log.append(true, 'result')
  })
  expect(seqs).toEqual(upTo(6_002))
  // More than the first read and its end: the buffer did not hold them all.
  expect(log.reads).toBeGreaterThan(2)
})

test('positions come in between and cost nothing', async () => {
  const log = new Log()
  log.append()
  const items: FollowItem[] = []
  await seqsOf(log, 0, (item) => {
    items.push(item)
    if (items.length === 1) for (const position of [2, 1]) log.announce({ type: 'position', position, queue_length: 2 })
    if (items.length === 3) log.append(true, 'result')
  })
  expect(items.map(({ type }) => type)).toEqual(['output', 'position', 'position', 'result'])
  expect(log.reads).toBe(1)
})

test.each([0, 1, 2, 3, 4, 5, 6, 8, 12, 20])('an abort %i turns after the start ends it and leaves no listener', async (turns) => {
  const log = new Log()
  log.append()
  const abort = new AbortController()
  const listeners = { added: vi.spyOn(abort.signal, 'addEventListener'), removed: vi.spyOn(abort.signal, 'removeEventListener') }
  const ended = collect(follow(log.deps, ID, 0, abort.signal))
  for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
  abort.abort()
  const items = await ended
  expect(items.length).toBeLessThanOrEqual(1)
  expect(log.bus.subscribers).toBe(0)
  expect(listeners.removed).toHaveBeenCalledTimes(listeners.added.mock.calls.length)
})

test('an abort before the start yields nothing', async () => {
  const log = new Log()
  log.append()
  expect(await collect(follow(log.deps, ID, 0, AbortSignal.abort()))).toEqual([])
  expect(log.bus.subscribers).toBe(0)
})

test('who stops reading leaves no listener, and no timer', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const log = new Log()
  log.append()
  for await (const item of follow(log.deps, ID, 0, new AbortController().signal)) {
    if (item.type === 'output') break
  }
  const abort = new AbortController()
  const waiting = collect(follow(log.deps, ID, 0, abort.signal))
  await vi.advanceTimersByTimeAsync(1)
  expect(vi.getTimerCount()).toBe(1)
  abort.abort()
  await waiting
  expect([log.bus.subscribers, vi.getTimerCount()]).toEqual([0, 0])
})

test('a store that fails ends it with that failure, and leaves no listener', async () => {
  const log = new Log()
  const events = (): Promise<never> => Promise.reject(new Error('gone'))
  const { store } = log.deps
  await expect(collect(follow({ ...log.deps, store: { ...store, events } }, ID, 0, new AbortController().signal))).rejects.toThrow('gone')
  expect(log.bus.subscribers).toBe(0)
})

test('a request that is removed while it is followed ends its follows', async () => {
  const log = new Log()
  log.append()
  const seen: FollowItem[] = []
  const ended = collect(observed())
  await expect(ended).rejects.toMatchObject({ code: 'not_found' })
  expect(log.bus.subscribers).toBe(0)

  async function* observed(): AsyncGenerator<FollowItem> {
    for await (const item of follow(log.deps, ID, 0, new AbortController().signal)) {
      seen.push(item)
      yield item
      log.removed = true
      log.append(false)
      log.append(true, 'result')
      log.events.length = 0
    }
  }
})
