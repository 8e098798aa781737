import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LANGUAGES } from '@websocket-spaces/protocol'
import { RedisBus } from '../../src/bus/redis-bus.ts'
import type { BusMessage } from '../../src/requests/ports.ts'
import { StartupError } from '../../src/startup-error.ts'
import { eventually } from '../support/eventually.ts'
import { newRequestId, newSpaceId } from '../support/material.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { freePort } from '../support/server-process.ts'
import { busContract } from './bus.contract.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server[Symbol.asyncDispose]())

let channels = 0
function newChannel(): string {
  channels += 1
  return `channel-${channels}`
}

async function openTwo(url = server.url, channel = newChannel()) {
  const errors: string[] = []
  const open = (): Promise<RedisBus> => RedisBus.open({ url, channel, onError: (message) => errors.push(message) })
  const [here, there] = [await open(), await open()]
  return {
    here,
    there,
    errors,
    async [Symbol.asyncDispose]() {
      await here[Symbol.asyncDispose]()
      await there[Symbol.asyncDispose]()
    },
  }
}

busContract('RedisBus', openTwo)

function status(): Extract<BusMessage, { change: 'status' }> {
  return { topic: 'spaces', spaceId: newSpaceId(), change: 'status' }
}

describe('RedisBus', () => {
  test('handles its own messages at once, and once', async () => {
    await using bus = await openTwo()
    const heard: string[] = []
    bus.here.subscribe('spaces', ({ spaceId }) => heard.push(spaceId))
    const mine = status()
    bus.here.publish(mine)
    expect(heard).toEqual([mine.spaceId])
    const theirs = status()
    bus.there.publish(theirs)
    await eventually(
      () => heard,
      (all) => all.includes(theirs.spaceId),
    )
    expect(heard).toEqual([mine.spaceId, theirs.spaceId])
  })

  test('hears nothing of another hub on the same Redis', async () => {
    await using bus = await openTwo()
    await using other = await openTwo()
    const heard: string[] = []
    bus.there.subscribe('spaces', ({ spaceId }) => heard.push(spaceId))
    other.here.publish(status())
    const mine = status()
    bus.here.publish(mine)
    await eventually(
      () => heard,
      (all) => all.length > 0,
    )
    expect(heard).toEqual([mine.spaceId])
  })

  test('goes on alone while Redis is away, says so once, and is heard again when it is back', async () => {
    await using own = await startRedis()
    await using bus = await openTwo(own.url)
    const heard: string[] = []
    bus.here.subscribe('connections', () => heard.push('here'))
    bus.there.subscribe('connections', () => heard.push('there'))
    await own.kill()
    await eventually(
      () => bus.errors,
      (errors) => errors.length === 2,
    )
    for (let count = 0; count < 100; count += 1) bus.here.publish({ topic: 'connections' })
    expect(heard).toHaveLength(100)
    await own.start()
    await eventually(
      () => {
        bus.here.publish({ topic: 'connections' })
        return heard
      },
      (all) => all.includes('there'),
    )
    expect(bus.errors).toHaveLength(2)
  })

  test('takes no nonsense', async () => {
    const channel = newChannel()
    await using bus = await openTwo(server.url, channel)
    const heard: BusMessage[] = []
    const id = newRequestId()
    bus.there.subscribe(`request:${id}`, (message) => heard.push(message))
    const { Redis } = await import('ioredis')
    const stranger = new Redis(server.url)
    for (const text of ['', 'x', '\n\n', `x\nrequest:${id}\n{`, `x\nrequest:${id}\n{"topic":"request:${id}","item":{"type":"huh"}}`]) {
      await stranger.publish(channel, text)
    }
    stranger.disconnect()
    bus.here.publish({ topic: `request:${id}`, item: { type: 'position', position: 1, queue_length: 1 } })
    await eventually(
      () => heard,
      (all) => all.length > 0,
    )
    expect(heard).toMatchObject([{ item: { type: 'position' } }])
  })

  test('that cannot be reached or refuses is told apart from others, without its password', async () => {
    await using guarded = await startRedis('a password of the tests')
    const addresses = [`redis://:hunter2@127.0.0.1:${await freePort()}`, guarded.url.replace('//', '//:hunter2@'), guarded.url]
    for (const url of addresses) {
      const error: unknown = await RedisBus.open({ url, channel: 'c', onError: () => undefined }).catch((cause: unknown) => cause)
      if (!(error instanceof StartupError)) throw new Error('it opened', { cause: error })
      expect(error.code).toBe('redis_unreachable')
      for (const language of LANGUAGES) {
        expect(error.say(language)).toMatch(/Redis.*127\.0\.0\.1/)
        expect(error.say(language)).not.toMatch(/hunter2|\{/)
      }
    }
  })
})
