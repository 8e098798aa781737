import { describe, expect, test } from 'vitest'
import type { RequestId, UserId } from '@websocket-spaces/protocol'
import type { Bus, BusMessage } from '../../src/requests/ports.ts'
import { eventually } from '../support/eventually.ts'
import { newRequestId, newSpaceId } from '../support/material.ts'

export interface BusUnderTest extends AsyncDisposable {
  /** The end of one hub, and that of another on the same bus; a bus of one process gives the same twice. */
  readonly here: Bus
  readonly there: Bus
}

function output(id: RequestId, seq: number): BusMessage {
  return { topic: `request:${id}`, item: { seq, at: '2026-01-15T12:00:00.000Z', type: 'output', text: `${seq}` } }
}

/** The rules every bus keeps: that of one process and any other. */
export function busContract(name: string, open: () => Promise<BusUnderTest>): void {
  describe(`${name} as a bus`, () => {
    test('B1 a message reaches every subscriber of its topic, in order, at every hub', async () => {
      await using bus = await open()
      const id = newRequestId()
      const heard: number[][] = [[], [], []]
      for (const [index, seqs] of heard.entries()) {
        const end = index === 2 ? bus.there : bus.here
        end.subscribe(`request:${id}`, ({ item }) => seqs.push('seq' in item ? item.seq : 0))
      }
      for (const seq of [1, 2, 3]) bus.here.publish(output(id, seq))
      await eventually(
        () => heard,
        (all) => all.every((seqs) => seqs.length === 3),
      )
      expect(heard).toEqual(Array(3).fill([1, 2, 3]))
    })

    test('B2 a message reaches nobody else', async () => {
      await using bus = await open()
      const [mine, other] = [newRequestId(), newRequestId()]
      const heard: BusMessage[] = []
      bus.there.subscribe(`request:${mine}`, (message) => heard.push(message))
      bus.there.subscribe(`user:${'somebody' as UserId}`, (message) => heard.push(message))
      bus.there.subscribe('spaces', (message) => heard.push(message))
      bus.here.publish(output(other, 1))
      bus.here.publish({ topic: 'connections' })
      const last: BusMessage = { topic: 'spaces', spaceId: newSpaceId(), change: 'status' }
      bus.here.publish(last)
      await eventually(
        () => heard,
        (all) => all.length > 0,
      )
      expect(heard).toEqual([last])
    })

    test('B3 who unsubscribed hears nothing more, others do; doing it twice is no error', async () => {
      await using bus = await open()
      const id = newRequestId()
      const heard: string[] = []
      const stop = bus.here.subscribe(`request:${id}`, () => heard.push('left'))
      bus.here.subscribe(`request:${id}`, () => heard.push('stayed'))
      stop()
      stop()
      bus.here.publish(output(id, 1))
      await eventually(
        () => heard,
        (all) => all.length > 0,
      )
      expect(heard).toEqual(['stayed'])
    })

    test('B4 the same function may subscribe twice, and each stops for itself', async () => {
      await using bus = await open()
      const id = newRequestId()
      let heard = 0
      const handler = (): void => void (heard += 1)
      const stop = bus.here.subscribe(`request:${id}`, handler)
      bus.here.subscribe(`request:${id}`, handler)
      bus.here.publish(output(id, 1))
      await eventually(
        () => heard,
        (count) => count === 2,
      )
      stop()
      bus.here.publish(output(id, 2))
      await eventually(
        () => heard,
        (count) => count === 3,
      )
    })

    test('B5 a handler may unsubscribe itself and others while a message is delivered', async () => {
      await using bus = await open()
      const id = newRequestId()
      const heard: string[] = []
      const stops: (() => void)[] = []
      const leave = (): void => {
        heard.push('first')
        for (const stop of stops) stop()
      }
      stops.push(bus.here.subscribe(`request:${id}`, leave))
      stops.push(bus.here.subscribe(`request:${id}`, () => heard.push('second')))
      bus.here.subscribe(`request:${id}`, () => heard.push('third'))
      bus.here.publish(output(id, 1))
      bus.here.publish(output(id, 2))
      await eventually(
        () => heard,
        (all) => all.filter((one) => one === 'third').length === 2,
      )
      expect(heard.filter((one) => one === 'first')).toHaveLength(1)
    })

    test('B6 what is published with nobody listening is no error, and is not kept', async () => {
      await using bus = await open()
      const id = newRequestId()
      bus.here.publish(output(id, 1))
      const heard: number[] = []
      bus.here.subscribe(`request:${id}`, ({ item }) => heard.push('seq' in item ? item.seq : 0))
      bus.here.publish(output(id, 2))
      await eventually(
        () => heard,
        (all) => all.includes(2),
      )
      expect(heard.filter((seq) => seq === 2)).toHaveLength(1)
    })
  })
}
