import { APP_EVENTS } from '@websocket-spaces/protocol'
import { describe, expect, test } from 'vitest'
import { HubUnreachable } from '../src/index.ts'
import { app, connectedApp } from './scripted-app.ts'
import { scriptedHub } from './scripted-hub.ts'

describe('registering', () => {
  test('sends the token in the handshake and in the message, and its capacity', async () => {
    await using hub = await scriptedHub()
    await using started = app(
      { url: `${hub.url}/?token=wst_in_url` },
      { token: undefined, concurrency: 2, prefetch: 9, instance: 'gpu-box' },
    )
    const end = await hub.nextApp()
    expect(end.socket.handshake.auth).toEqual({ token: 'wst_in_url' })
    expect(end.socket.handshake.query.token).toBeUndefined()
    expect(await end.accept()).toMatchObject({
      space_name: 'Echo',
      token: 'wst_in_url',
      concurrency: 2,
      prefetch: 9,
      instance_id: 'gpu-box',
    })
    expect(await started.served.registered).toMatchObject({ space: 'alice/Echo', spaceId: 's1' })
    expect(started.served.state).toMatchObject({ state: 'serving' })
  })

  test('says that it renews its leases, and holds none yet', async () => {
    await using hub = await scriptedHub()
    await using _started = app(hub)
    expect(await (await hub.nextApp()).accept()).toMatchObject({ resume: [] })
  })

  test('an answer that comes twice counts once', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    ;(await started.handed.take()).finish({})
    const { answer } = await started.end.result()
    const again = { success: true, connection_id: 'c', space_id: 's1', space: 'alice/Echo', message: 'Successfully connected' }
    started.end.socket.emit(APP_EVENTS.registerResponse, again)
    await started.end.echo()
    answer({ ok: true })
    await expect.poll(() => started.types()).toContain('result_delivered')
    expect(started.types().filter((type) => type === 'registered')).toHaveLength(1)
  })

  test("a refusal that no retry can mend ends it, with the hub's code and words", async () => {
    await using hub = await scriptedHub()
    await using started = app(hub)
    await (await hub.nextApp()).refuse('space_not_found', 'Space "Echo" not found or is not a WebSocket space')
    await expect(started.served.ended).rejects.toMatchObject({
      code: 'space_not_found',
      message: 'Space "Echo" not found or is not a WebSocket space',
    })
    await expect(started.served.registered).rejects.toMatchObject({ code: 'space_not_found' })
    expect(started.served.state).toMatchObject({ state: 'ended' })
  })

  test('a passing refusal is tried again', async () => {
    await using hub = await scriptedHub()
    await using started = app(hub)
    await (await hub.nextApp()).refuse('shutting_down', 'The hub is restarting')
    await (await hub.nextApp()).accept()
    await started.served.registered
    expect(started.types()).toContain('retrying')
  })

  test('no hub: keeps trying until one is there', async () => {
    const { port } = await (async () => {
      await using gone = await scriptedHub()
      return gone
    })()
    await using started = app({ url: `http://127.0.0.1:${port}` })
    await expect.poll(() => started.events.find((event) => event.type === 'retrying')).toMatchObject({ error: { why: 'refused' } })
    await using hub = await scriptedHub(port)
    await (await hub.nextApp()).accept()
    await started.served.registered
  })

  test('no hub and no retry: ends with HubUnreachable that names the address', async () => {
    await using started = app({ url: 'http://127.0.0.1:1' }, { retry: false })
    const error: unknown = await started.served.ended.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(HubUnreachable)
    expect(error).toMatchObject({ address: 'http://127.0.0.1:1', why: 'refused' })
  })

  test('goodbye without coming back ends it', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.socket.emit(APP_EVENTS.goodbye, { code: 'token_revoked', message: 'The connect token was revoked', reconnect: false })
    started.end.socket.disconnect(true)
    await expect(started.served.ended).rejects.toMatchObject({ code: 'token_revoked' })
  })
})
