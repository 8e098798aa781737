import { APP_EVENTS } from '@websocket-spaces/protocol'
import { describe, expect, test } from 'vitest'
import { app, connectedApp } from './scripted-app.ts'
import { scriptedHub } from './scripted-hub.ts'

describe('leaving', () => {
  test('close leaves at once, in order, and aborts what runs', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    await started.served.close()
    expect(run.context.signal.aborted).toBe(true)
    expect((await started.end.next('disconnect')).payload).toEqual({ reason: 'client namespace disconnect' })
    await started.served.ended
  })

  test('a drain says so, finishes what runs, hands its result in, then leaves', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub, { prefetch: 5 })
    started.end.hand('r1')
    started.end.hand('r2')
    const run = await started.handed.take()
    await started.end.echo()
    const closed = started.served.close({ drain: true })
    const drain = await started.end.next(APP_EVENTS.drain)
    drain.acknowledge?.({ ok: true })
    run.finish({ text_output: 'last one' })
    const { message, answer } = await started.end.result()
    expect(message.request_id).toBe('r1')
    answer({ ok: true })
    await closed
    expect(started.handed.size()).toBe(0)
    expect(started.events).toContainEqual({ type: 'draining', unfinished: 1 })
    expect((await started.end.next('disconnect')).payload).toEqual({ reason: 'client namespace disconnect' })
  })

  test('a drain takes what the hub must believe to be running, until the hub knows', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub, { concurrency: 2 })
    started.end.hand('r1')
    const first = await started.handed.take()
    const closed = started.served.close({ drain: true })
    const drain = await started.end.next(APP_EVENTS.drain)
    started.end.hand('r2')
    const second = await started.handed.take()
    started.end.hand('for which no slot is free')
    drain.acknowledge?.({ ok: true })
    await started.end.echo()
    first.finish({})
    ;(await started.end.result()).answer({ ok: true })
    started.end.hand('too late')
    await started.end.echo()
    second.finish({})
    ;(await started.end.result()).answer({ ok: true })
    await closed
    expect(started.handed.size()).toBe(0)
  })

  test('a drain waits for what it was handed while the last result was on its way', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    ;(await started.handed.take()).finish({})
    const first = await started.end.result()
    const closed = started.served.close({ drain: true })
    const drain = await started.end.next(APP_EVENTS.drain)
    started.end.hand('r2')
    const second = await started.handed.take()
    first.answer({ ok: true })
    await expect.poll(() => started.types()).toContain('result_delivered')
    await started.end.echo()
    drain.acknowledge?.({ ok: true })
    expect(second.context.signal.aborted).toBe(false)
    second.finish({ text_output: 'the last' })
    const { message, answer } = await started.end.result()
    expect(message).toMatchObject({ request_id: 'r2', result: { text_output: 'the last' } })
    answer({ ok: true })
    await closed
  })

  test('a drain waits until the hub knows of it: what is under way to the app is run', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    ;(await started.handed.take()).finish({})
    const first = await started.end.result()
    const closed = started.served.close({ drain: true })
    const drain = await started.end.next(APP_EVENTS.drain)
    first.answer({ ok: true })
    await expect.poll(() => started.types()).toContain('result_delivered')
    started.end.hand('r2')
    drain.acknowledge?.({ ok: true })
    ;(await started.handed.take()).finish({})
    ;(await started.end.result()).answer({ ok: true })
    await closed
  })

  test('a drain whose connection is lost comes back, resumes, drains again and hands in', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    const closed = started.served.close({ drain: true })
    ;(await started.end.next(APP_EVENTS.drain)).acknowledge?.({ ok: true })
    started.end.socket.conn.close(true)
    const again = await hub.nextApp()
    await again.accept([{ request_id: 'r1', output_chars: 0 }])
    ;(await again.next(APP_EVENTS.drain)).acknowledge?.({ ok: true })
    run.finish({ text_output: 'after all' })
    ;(await again.result()).answer({ ok: true })
    await closed
    expect(started.types().filter((type) => type === 'draining')).toHaveLength(1)
  })

  test('close cuts a drain short and leaves in order, so that the hub gives the request to others at once', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    const drained = started.served.close({ drain: true })
    await started.end.next(APP_EVENTS.drain)
    await started.served.close()
    expect(run.context.signal.aborted).toBe(true)
    expect((await started.end.next('disconnect')).payload).toEqual({ reason: 'client namespace disconnect' })
    await drained
  })

  test('a drain with nothing to finish leaves at once', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    await started.served.close({ drain: true })
    expect(started.types()).not.toContain('draining')
  })

  test('a drain of no more than drainMs', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    await started.served.close({ drain: true, drainMs: 50 })
    expect(run.context.signal.aborted).toBe(true)
  })

  test('close while no hub is there does not wait for one', async () => {
    await using started = app({ url: 'http://127.0.0.1:1' })
    await started.served.close()
    await started.served.ended
    expect(started.served.state).toEqual({ state: 'ended', error: null })
  })
})
