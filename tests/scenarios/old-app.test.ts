/** Apps written years ago keep working: python-socketio, the four old events, the token in the URL. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SpacesClient } from '@websocket-spaces/client'
import { inferenceRequest, registerResponse, type RequestView } from '@websocket-spaces/protocol'
import { type Child, startChild } from '../harness/child.ts'
import { eventually } from '../harness/eventually.ts'
import { type HubProcess, startHubProcess } from '../harness/hub-process.ts'
import { makeSpace, type OwnedSpace, signInAdmin, signUp, unique } from '../harness/people.ts'

const SCRIPT = join(import.meta.dirname, 'old_app.py')

interface OldApp extends AsyncDisposable {
  readonly child: Child
  tell(command: object): void
  /** The data of the `count`-th event of this name, counted from 1. */
  heard(event: string, count?: number): Promise<unknown>
  register(spaceName: string): Promise<unknown>
}

function startOldApp(url: string, token?: string): OldApp {
  const address = token === undefined ? url : `${url}/?token=${token}`
  const child = startChild('/usr/bin/python3', ['-u', SCRIPT, address])
  const said = (event: string) => child.lines.filter((line) => line.startsWith(`{"event": "${event}"`))
  const app: OldApp = {
    child,
    tell: (command) => child.write(`${JSON.stringify(command)}\n`),
    async heard(event, count = 1) {
      const lines = await eventually(
        () => said(event),
        (found) => found.length >= count,
      ).catch(() => Promise.reject(new Error(`no ${event} number ${count}:\n${child.lines.join('\n')}`)))
      return (JSON.parse(lines[count - 1] ?? '') as { data: unknown }).data
    },
    async register(spaceName) {
      const before = said('register_response').length
      app.tell({ do: 'connect' })
      await app.heard('connect', said('connect').length + 1)
      app.tell({ do: 'register', space_name: spaceName })
      return app.heard('register_response', before + 1)
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
  return app
}

describe('an old app', () => {
  let hub: HubProcess
  let admin: SpacesClient
  let owned: OwnedSpace

  beforeAll(async () => {
    hub = await startHubProcess()
    admin = await signInAdmin(hub.url)
    owned = await makeSpace(admin)
  })
  afterAll(() => hub[Symbol.asyncDispose]())

  async function finished(id: string): Promise<RequestView> {
    return eventually(
      () => admin.getRequest(id),
      (view) => view.finished_at !== null,
    )
  }

  test('registers, is sent three requests at once and answers them one by one', async () => {
    await using app = startOldApp(hub.url, owned.token)
    const response = registerResponse.parse(await app.register(owned.space.name))
    expect(response).toMatchObject({
      success: true,
      space_id: owned.space.id,
      message: `Successfully connected to space "${owned.space.name}"`,
    })

    const prompts = ['first', '第二', 'third']
    const submitted: RequestView[] = []
    for (const prompt of prompts) submitted.push(await admin.submit(owned.reference, { prompt }))
    await app.heard('inference_request', 3)
    const received = []
    for (const count of [1, 2, 3]) received.push(inferenceRequest.parse(await app.heard('inference_request', count)))
    expect(received.map((request) => request.request_id)).toEqual(submitted.map((view) => view.id))
    expect(received.map((request) => request.payload.prompt)).toEqual(prompts)
    expect(received.map((request) => request.username)).toEqual(['admin', 'admin', 'admin'])

    // All three wait in the app's own queue until it answers the first; what it answers decides what is running.
    for (const [index, request] of received.entries()) {
      app.tell({
        do: 'result',
        data: {
          request_id: request.request_id,
          status: 'completed',
          result: { text_output: `answer to ${request.payload.prompt}`, confidence: 0.95 },
        },
      })
      const view = await finished(request.request_id)
      expect(view).toMatchObject({
        status: 'completed',
        result: { text_output: `answer to ${prompts[index]}`, confidence: 0.95 },
        error: null,
      })
      for (const later of received.slice(index + 1)) expect((await admin.getRequest(later.request_id)).finished_at).toBeNull()
    }
  })

  test('a failure it reports is shown with its words', async () => {
    await using app = startOldApp(hub.url, owned.token)
    await app.register(owned.reference)
    const { id } = await admin.submit(owned.reference, { prompt: 'fail please' })
    await app.heard('inference_request')
    app.tell({ do: 'result', data: { request_id: id, status: 'failed', result: { error: 'CUDA out of memory' } } })
    const view = await finished(id)
    expect(view.status).toBe('failed')
    expect(JSON.stringify(view)).toContain('CUDA out of memory')
  })

  test('a second, contradicting result for the same request changes nothing', async () => {
    await using app = startOldApp(hub.url, owned.token)
    await app.register(owned.reference)
    const { id } = await admin.submit(owned.reference, { prompt: 'once' })
    await app.heard('inference_request')
    app.tell({ do: 'result', data: { request_id: id, status: 'completed', result: { text_output: 'the first' } } })
    app.tell({ do: 'result', data: { request_id: id, status: 'completed', result: { text_output: 'the second' } } })
    app.tell({ do: 'result', data: { request_id: id, status: 'failed', result: { error: 'the third' } } })
    await finished(id)
    const next = await admin.submit(owned.reference, { prompt: 'is it still there?' })
    await app.heard('inference_request', 2)
    app.tell({ do: 'result', data: { request_id: next.id, status: 'completed', result: { text_output: 'yes' } } })
    await finished(next.id)
    expect((await admin.getRequest(id)).result).toMatchObject({ text_output: 'the first' })
  })

  test('names are refused with the old words, and the hub hangs up', async () => {
    const wrongCase = owned.space.name.toUpperCase()
    for (const name of ['no-such-space', wrongCase, '写错了', 'a/b/c']) {
      await using app = startOldApp(hub.url, owned.token)
      const response = registerResponse.parse(await app.register(name))
      expect(response.success).toBe(false)
      expect(response.message).toBe(`Space "${name}" not found or is not a WebSocket space`)
      await app.heard('disconnect')
    }
  })

  test('a name two owners have is refused, the full name works, and who was connected stays', async () => {
    const name = unique('TWICE')
    const first = await makeSpace(admin, { name })
    await using earlier = startOldApp(hub.url, first.token)
    expect(await earlier.register(name)).toMatchObject({ success: true })

    const other = await signUp(hub.url)
    const second = await makeSpace(other, { name })
    await using refused = startOldApp(hub.url, second.token)
    expect(await refused.register(name)).toMatchObject({
      success: false,
      message: `Multiple spaces with name "${name}" found. Please use unique space names.`,
    })
    await refused.heard('disconnect')

    await using named = startOldApp(hub.url, second.token)
    expect(await named.register(second.reference)).toMatchObject({ success: true, space_id: second.space.id })
    expect((await admin.getSpace(first.reference)).status.connected).toBe(true)
  })

  test('without a token, or with one of another space, it is refused with a reason', async () => {
    const other = await makeSpace(admin)
    for (const token of [undefined, 'wst_wrong', other.token]) {
      await using app = startOldApp(hub.url, token)
      const response = registerResponse.parse(await app.register(owned.reference))
      expect(response.success).toBe(false)
      expect(response.message).toMatch(/token/)
    }
  })

  test('after a lost connection it comes back and gets the request it had not answered', async () => {
    const space = await makeSpace(admin)
    await using app = startOldApp(hub.url, space.token)
    await app.register(space.reference)
    const { id } = await admin.submit(space.reference, { prompt: 'keep me' })
    await app.heard('inference_request')
    app.tell({ do: 'disconnect' })
    await app.heard('disconnect')
    await eventually(
      () => admin.getSpace(space.reference),
      (view) => !view.status.connected,
    )
    await expect(admin.submit(space.reference, { prompt: 'nobody there' })).rejects.toMatchObject({ code: 'app_not_connected' })

    await app.register(space.reference)
    expect(inferenceRequest.parse(await app.heard('inference_request', 2)).request_id).toBe(id)
    app.tell({ do: 'result', data: { request_id: id, status: 'completed', result: { text_output: 'kept' } } })
    expect((await finished(id)).result).toMatchObject({ text_output: 'kept' })
  })
})
