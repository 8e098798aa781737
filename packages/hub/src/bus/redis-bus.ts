import { once } from 'node:events'
import { Redis } from 'ioredis'
import { v7 as uuid } from 'uuid'
import type { Bus, BusMessage, MessageOn, Topic } from '../requests/ports.ts'
import { StartupError } from '../startup-error.ts'
import { busMessage } from './bus-message.ts'
import { MemoryBus } from './memory-bus.ts'

/** Characters that may be on their way to Redis; past that messages are dropped, which costs their followers time. */
const MOST_UNSENT = 16_000_000
/** Milliseconds. A node hears its own beats, so that a connection on which nothing comes is dead, and is made anew. */
const BEAT_EVERY = 2_000
const SILENT_FOR = 10_000
const LONGEST_PAUSE = 2_000
const BEAT = 'beat'

export interface RedisBusOptions {
  /** `redis://…` or `rediss://…` */
  readonly url: string
  /** The same for all nodes of a hub and for no other hub on this Redis. */
  readonly channel: string
  readonly onError: (message: string, error: unknown) => void
}

/**
 * The bus of many nodes. What is published here is handled here at once, as on the bus of one process, and goes to the
 * others over Redis. While Redis is away the nodes are on their own: everybody finds what happened in the store, only later.
 */
export class RedisBus implements Bus, AsyncDisposable {
  readonly #local = new MemoryBus()
  readonly #node = uuid()
  readonly #options: RedisBusOptions
  readonly #publisher: Redis
  readonly #subscriber: Redis
  #unsent = 0
  #away = false
  #beat: NodeJS.Timeout | undefined

  private constructor(options: RedisBusOptions) {
    this.#options = options
    this.#publisher = connection(options.url)
    this.#subscriber = connection(options.url)
  }

  /** Resolves when messages of other nodes are heard. Throws {@link StartupError}, whose text never has the password. */
  static async open(options: RedisBusOptions): Promise<RedisBus> {
    const bus = new RedisBus(options)
    try {
      await Promise.all([ready(bus.#publisher), ready(bus.#subscriber)])
      await bus.#listen()
      return bus
    } catch (error) {
      await bus[Symbol.asyncDispose]()
      const server = new URL(options.url).host
      throw new StartupError('redis_unreachable', { server, problem: reasonOf(error) }, { cause: error })
    }
  }

  publish(message: BusMessage, reach: 'here' | 'everywhere' = 'everywhere'): void {
    this.#local.publish(message)
    if (reach === 'everywhere') this.#send(message.topic, JSON.stringify(forOthers(message)))
  }

  subscribe<T extends Topic>(topic: T, handler: (message: MessageOn<T>) => void): () => void {
    return this.#local.subscribe(topic, handler)
  }

  [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#beat)
    this.#publisher.disconnect()
    this.#subscriber.disconnect()
    return Promise.resolve()
  }

  async #listen(): Promise<void> {
    this.#subscriber.on('message', (_channel: string, text: string) => this.#take(text))
    await this.#subscriber.subscribe(this.#options.channel)
    for (const redis of [this.#publisher, this.#subscriber]) {
      redis.on('error', (error: unknown) => this.#goneAway(error))
      redis.on('ready', () => (this.#away = false))
    }
    this.#beat = setInterval(() => this.#send(BEAT, ''), BEAT_EVERY)
  }

  /** `node⏎topic⏎message`: who is not concerned need not read on. */
  #send(topic: string, json: string): void {
    if (this.#publisher.status !== 'ready' || this.#unsent + json.length > MOST_UNSENT) return
    this.#unsent += json.length
    this.#publisher
      .publish(this.#options.channel, `${this.#node}\n${topic}\n${json}`)
      .catch((error: unknown) => this.#goneAway(error))
      .finally(() => (this.#unsent -= json.length))
  }

  #take(text: string): void {
    const endOfNode = text.indexOf('\n')
    const endOfTopic = text.indexOf('\n', endOfNode + 1)
    if (text.slice(0, endOfNode) === this.#node) return
    if (!this.#local.hasSubscribers(text.slice(endOfNode + 1, endOfTopic))) return
    const message = busMessage.safeParse(parseJson(text.slice(endOfTopic + 1)))
    // A node of another version may say what this one does not know.
    if (message.success) this.#local.publish(message.data)
  }

  /** Told once, however long it lasts. */
  #goneAway(error: unknown): void {
    if (this.#away) return
    this.#away = true
    this.#options.onError('Redis is away; nodes hear of each other with a delay until it is back', error)
  }
}

/** Other nodes have the store for the request itself. */
function forOthers(message: BusMessage): BusMessage {
  if (!('request' in message)) return message
  const { request: _request, ...rest } = message
  return rest
}

/** Connects when told to, and then again and again. */
function connection(url: string): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectionName: 'websocket-spaces',
    connectTimeout: 5_000,
    socketTimeout: SILENT_FOR,
    retryStrategy: (times) => Math.min(50 * 2 ** times, LONGEST_PAUSE),
    // What could not be sent is worth nothing later.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
  })
  // Without anybody who listens, ioredis would print its errors.
  redis.on('error', () => undefined)
  return redis
}

async function ready(redis: Redis): Promise<void> {
  const isReady = once(redis, 'ready')
  await Promise.all([isReady, redis.connect()])
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Such as ECONNREFUSED, or what Redis said. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error ? String(error.code) : error.message
}
