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

describe('coming back', () => {
  test('a result is sent again after a lost connection until it is acknowledged', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    ;(await started.handed.take()).finish({ text_output: 'kept' })
    await started.end.result()
    started.end.socket.disconnect(true)
    const again = await hub.nextApp()
    await again.accept()
    const { message, answer } = await again.result()
    expect(message).toEqual({ request_id: 'r1', status: 'completed', result: { text_output: 'kept' } })
    answer({ ok: true })
    await expect.poll(() => started.types()).toContain('result_delivered')
  })

  test('a result finished while away goes out when back, and answers a second hand-over without a second run', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    started.end.socket.disconnect(true)
    await expect.poll(() => started.types()).toContain('disconnected')
    run.finish({ text_output: 'while away' })
    const again = await hub.nextApp()
    await again.accept()
    const early = await again.result()
    early.answer({ ok: false, error: { code: 'stale_lease', message: 'no longer yours' } })
    await expect.poll(() => started.types()).toContain('report_refused')
    again.hand('r1', { attempt: 2 })
    const { message, answer } = await again.result()
    expect(message.result).toEqual({ text_output: 'while away' })
    answer({ ok: true })
    await expect.poll(() => started.types()).toContain('result_delivered')
    expect(started.types().filter((type) => type === 'started')).toHaveLength(1)
  })

  test('a run that goes on through a lost connection is adopted and says again what it said', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    run.context.output('one ')
    await started.end.next(APP_EVENTS.inferenceOutput)
    started.end.socket.disconnect(true)
    await expect.poll(() => started.types()).toContain('disconnected')
    run.context.output('two')
    const again = await hub.nextApp()
    await again.accept()
    again.hand('r1', { attempt: 2 })
    expect((await again.next(APP_EVENTS.inferenceOutput)).payload).toEqual({ request_id: 'r1', text: 'one two' })
    expect(run.context.signal.aborted).toBe(false)
    run.finish({ text_output: 'one two' })
    expect((await again.result()).message.request_id).toBe('r1')
    expect(started.types().filter((type) => type === 'started')).toHaveLength(1)
  })
})

describe('leaving', () => {
  test('close leaves at once and aborts what runs', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    await started.served.close()
    expect(run.context.signal.aborted).toBe(true)
    await started.end.next('disconnect')
    await started.served.ended
  })

  test('a drain finishes what runs, hands its result in, then leaves', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub, { prefetch: 5 })
    started.end.hand('r1')
    started.end.hand('r2')
    const run = await started.handed.take()
    await expect.poll(() => started.types().filter((type) => type === 'request')).toHaveLength(2)
    const closed = started.served.close({ drain: true })
    run.finish({ text_output: 'last one' })
    const { message, answer } = await started.end.result()
    expect(message.request_id).toBe('r1')
    answer({ ok: true })
    await closed
    expect(started.handed.size()).toBe(0)
  })

  test('close while no hub is there does not wait for one', async () => {
    await using started = app({ url: 'http://127.0.0.1:1' })
    await started.served.close()
    await started.served.ended
    expect(started.served.state).toEqual({ state: 'ended', error: null })
  })
})
