/** Whatever a browser's live socket sends: no crash, no event of another user's. */
import fc from 'fast-check'
import { io, type Socket } from 'socket.io-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { LIVE_CALLS, LIVE_PATH, liveAck } from '@websocket-spaces/protocol'
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

async function dial(cookie: string | undefined): Promise<{ socket: Socket; heard: unknown[] }> {
  const socket = io(stage.hub.url, {
    path: LIVE_PATH,
    forceNew: true,
    reconnection: false,
    transports: ['websocket'],
    ...(cookie === undefined ? {} : { extraHeaders: { cookie } }),
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

const call = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...Object.values(LIVE_CALLS)) },
  { weight: 1, arbitrary: nastyText.map((text) => `x${text}`) },
)

describe('the live socket', () => {
  test('is for signed-in users', async () => {
    for (const cookie of [undefined, 'better-auth.session_token=wrong', '\u00ff=;;;']) await expect(dial(cookie)).rejects.toThrow()
  })

  test('answers garbage decently and tells a stranger nothing', { timeout: 120_000 }, async () => {
    const cookie = stage.stranger.sessionCookie
    let live = await dial(cookie)
    const ids = fc.constantFrom(...stage.overheard)
    const payload = fc.oneof(nastyJson, nearly({ space_id: ids, request_id: ids, after: fc.integer() }))
    await fc.assert(
      fc.asyncProperty(call, fc.array(payload, { maxLength: 2 }), async (name, values) => {
        if (!live.socket.connected) live = await dial(cookie)
        const known = Object.values(LIVE_CALLS).some((one) => one === name)
        const { promise, resolve } = Promise.withResolvers<unknown>()
        live.socket.once('disconnect', () => resolve(undefined))
        live.socket
          .timeout(known ? 5_000 : 20)
          .emit(name, ...values, (error: Error | null, answer: unknown) => resolve(error === null ? answer : undefined))
        const answer = await promise
        live.socket.off('disconnect')
        if (known && live.socket.connected)
          expect(liveAck.safeParse(answer).success, `${name} ${JSON.stringify(values)} → ${JSON.stringify(answer)}`).toBe(true)
        expect(JSON.stringify([live.heard, answer])).not.toContain(stage.marker)
      }),
      { numRuns: 400, seed: SEED },
    )
  })

  test('refuses to watch or follow what is another’s', async () => {
    const { socket, heard } = await dial(stage.stranger.sessionCookie)
    const watch: unknown = await socket.timeout(5_000).emitWithAck(LIVE_CALLS.watchSpace, { space_id: stage.vault.space.id })
    expect(liveAck.parse(watch)).toMatchObject({ ok: false })
    for (const { id } of [stage.finishedRequest, stage.runningRequest]) {
      const follow: unknown = await socket.timeout(5_000).emitWithAck(LIVE_CALLS.follow, { request_id: id, after: 0 })
      expect(liveAck.parse(follow)).toMatchObject({ ok: false })
    }
    const connections: unknown = await socket.timeout(5_000).emitWithAck(LIVE_CALLS.watchConnections)
    expect(liveAck.parse(connections)).toMatchObject({ ok: false })
    expect(JSON.stringify(heard)).not.toContain(stage.vault.space.id)
  })

  test('survives packets that are no Socket.IO', async () => {
    const frame = fc.oneof(
      nastyText,
      fc.constantFrom('40', '42[', '42["follow"]', '420["follow",{}]', '40/x,', '45', '9'),
      fc.uint8Array({ maxLength: 200 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 6 }), async (frames) => {
        await using raw = await openRawSocket(`${stage.hub.url}${LIVE_PATH}?EIO=4&transport=websocket`)
        for (const part of frames) raw.send(part)
        await raw.idle()
        expect(raw.received.join('')).not.toContain(stage.marker)
      }),
      { numRuns: 60, seed: SEED },
    )
  })

  test('after all of it nothing of the victim’s has changed', async () => {
    await stage.expectUntouched()
  })
})
