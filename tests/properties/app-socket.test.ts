/** Whatever an app's socket sends: no crash, nothing of another's, and honest apps work on. */
import fc from 'fast-check'
import { io, type Socket } from 'socket.io-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ack, APP_EVENTS, registerResponse } from '@websocket-spaces/protocol'
import { nastyJson, nastyText, nearly, SEED } from './garbage.ts'
import { openRawSocket } from './raw-socket.ts'
import { setStage, type Stage } from './victim.ts'

let stage: Stage
const sockets: Socket[] = []

beforeAll(async () => {
  stage = await setStage()
})
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.disconnect()
})
afterAll(() => stage[Symbol.asyncDispose]())

const eventName = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...Object.values(APP_EVENTS)) },
  { weight: 1, arbitrary: nastyText.map((text) => `x${text}`) },
)

function message(ids: readonly string[]): fc.Arbitrary<unknown> {
  const requestId = fc.constantFrom(...ids)
  return fc.oneof(
    nastyJson,
    nearly({
      request_id: requestId,
      status: fc.constantFrom('completed', 'failed'),
      result: nearly({ text_output: nastyText, confidence: fc.double() }),
    }),
    nearly({ request_id: requestId, progress: fc.double(), message: nastyText }),
    nearly({ request_id: requestId, text: nastyText }),
    nearly({ request_id: requestId, level: fc.constant('info'), line: nastyText }),
    nearly({
      space_name: fc.oneof(fc.constant(stage.vault.reference), fc.constant(stage.vault.space.name), nastyText),
      token: nastyText,
      concurrency: fc.integer(),
      prefetch: fc.integer(),
    }),
    fc.uint8Array({ maxLength: 50 }).map((bytes) => ({ request_id: Buffer.from(bytes), result: Buffer.from(bytes) })),
  )
}

interface Listener {
  readonly socket: Socket
  readonly heard: unknown[]
}

async function dial(): Promise<Listener> {
  const socket = io(stage.hub.url, {
    auth: { token: stage.strangerSpace.token },
    forceNew: true,
    reconnection: false,
    transports: ['websocket'],
  })
  sockets.push(socket)
  const heard: unknown[] = []
  socket.onAny((...event: unknown[]) => {
    if (heard.length < 5_000) heard.push(event)
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('connect', resolve)
  socket.once('connect_error', reject)
  await promise
  return { socket, heard }
}

async function register({ socket, heard }: Listener): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  socket.once(APP_EVENTS.registerResponse, resolve)
  socket.emit(APP_EVENTS.register, { space_name: stage.strangerSpace.reference })
  expect(registerResponse.parse(await promise).success, JSON.stringify(heard)).toBe(true)
}

/** Resolves when the hub has dealt with all that was sent before: with its ack, or with the end of the connection. */
async function settled(socket: Socket): Promise<void> {
  if (!socket.connected) return
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.once('disconnect', () => resolve())
  socket.timeout(2_000).emit(APP_EVENTS.inferenceProgress, { request_id: 'unknown', progress: 0.5 }, () => resolve())
  await promise
}

describe('the socket of an app', () => {
  test.each(['unregistered', 'registered'])('%s, it may send anything', { timeout: 120_000 }, async (state) => {
    let listener = await dial()
    if (state === 'registered') await register(listener)
    await fc.assert(
      fc.asyncProperty(eventName, fc.array(message(stage.overheard), { maxLength: 3 }), fc.boolean(), async (event, values, wantsAck) => {
        if (!listener.socket.connected) {
          listener = await dial()
          if (state === 'registered') await register(listener)
        }
        const answers: unknown[] = []
        listener.socket.emit(event, ...values, ...(wantsAck ? [(answer: unknown) => answers.push(answer)] : []))
        await settled(listener.socket)
        for (const answer of answers) expect(z.union([ack, registerResponse]).safeParse(answer).success, JSON.stringify(answer)).toBe(true)
        expect(JSON.stringify([listener.heard, answers])).not.toContain(stage.marker)
      }),
      { numRuns: 300, seed: SEED },
    )
  })

  test('results for another space’s request are refused and said to be', async () => {
    const listener = await dial()
    await register(listener)
    for (const request_id of [stage.finishedRequest.id, stage.runningRequest.id, 'unknown']) {
      const answer: unknown = await listener.socket
        .timeout(5_000)
        .emitWithAck(APP_EVENTS.inferenceResult, { request_id, status: 'completed', result: { text_output: 'mine now' } })
      expect(ack.parse(answer)).toMatchObject({ ok: false })
      expect(JSON.stringify(answer)).not.toContain(stage.marker)
    }
  })

  test('packets that are no Socket.IO are survived', { timeout: 120_000 }, async () => {
    const frame = fc.oneof(
      nastyText,
      fc.constantFrom(
        '40',
        '41',
        '42',
        '42[',
        '42["register"',
        '42["register",{}]',
        '420["x"]',
        '43[]',
        '44',
        '45',
        '451-["x",{"_placeholder":true,"num":0}]',
        '40/admin,',
        '3probe',
        '6',
        '9',
        '42[null]',
        '42{}',
        '42["__proto__"]',
      ),
      nastyJson.map((value) => `42${JSON.stringify(['register', value])}`),
      fc.uint8Array({ maxLength: 200 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 8 }), async (frames) => {
        await using raw = await openRawSocket(`${stage.hub.url}/socket.io/?EIO=4&transport=websocket`)
        for (const part of frames) raw.send(part)
        await raw.idle()
        expect(raw.received.join('')).not.toContain(stage.marker)
      }),
      { numRuns: 100, seed: SEED },
    )
    const polling = fc.record({ sid: fc.option(nastyText, { nil: undefined }), body: nastyText })
    await fc.assert(
      fc.asyncProperty(polling, async ({ sid, body }) => {
        const query = sid === undefined ? '' : `&sid=${encodeURIComponent(sid.toWellFormed().slice(0, 500))}`
        const response = await fetch(`${stage.hub.url}/socket.io/?EIO=4&transport=polling${query}`, {
          method: 'POST',
          body: body.toWellFormed(),
        })
        expect(response.status).toBeLessThan(500)
        await response.body?.cancel()
      }),
      { numRuns: 60, seed: SEED },
    )
  })

  test('after all of it an honest app registers and nothing of the victim’s has changed', async () => {
    await register(await dial())
    await stage.expectUntouched()
  })
})
