import { APP_EVENTS } from '@websocket-spaces/protocol'
import { describe, expect, test } from 'vitest'
import { connectedApp } from './scripted-app.ts'
import { type AppEnd, scriptedHub } from './scripted-hub.ts'

const STALE = { ok: false, error: { code: 'stale_lease', message: 'no longer yours' } } as const

/** Cuts the TCP connection: neither end says goodbye. */
function cut({ end }: { end: AppEnd }): void {
  end.socket.conn.transport.discard()
  end.socket.conn.close(true)
}

describe('L8 coming back for what was running', () => {
  test('a resumed run goes on: what the hub lacks of its output, no more, and its last progress', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    run.context.progress(0.5, 'half')
    run.context.output('one 两 ')
    await started.end.next(APP_EVENTS.inferenceOutput)
    cut(started)
    await expect.poll(() => started.types()).toContain('disconnected')
    run.context.output('three ')
    const again = await hub.nextApp()
    // The hub had stored but a part of what was sent.
    const registered = await again.accept([{ request_id: 'r1', output_chars: 4 }])
    expect(registered['resume']).toEqual([{ request_id: 'r1', lease_id: 'lease-1' }])
    expect((await again.next(APP_EVENTS.inferenceProgress)).payload).toEqual({ request_id: 'r1', progress: 0.5, message: 'half' })
    expect((await again.next(APP_EVENTS.inferenceOutput)).payload).toEqual({ request_id: 'r1', text: '两 three ' })
    run.context.output('four')
    expect((await again.next(APP_EVENTS.inferenceOutput)).payload).toEqual({ request_id: 'r1', text: 'four' })
    run.finish({ text_output: 'all' })
    const { message, answer } = await again.result()
    expect(message).toEqual({ request_id: 'r1', status: 'completed', result: { text_output: 'all' } })
    answer({ ok: true })
    await expect.poll(() => started.types()).toContain('result_delivered')
    expect(started.types().filter((type) => type === 'started' || type === 'stopped')).toEqual(['started'])
    expect(started.types()).toContain('resumed')
  })

  test('what only waits is not named; it goes back to the hub', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub, { prefetch: 5 })
    started.end.hand('r1')
    started.end.hand('r2')
    await started.handed.take()
    await started.end.echo()
    cut(started)
    const again = await hub.nextApp()
    expect((await again.accept([{ request_id: 'r1', output_chars: 0 }]))['resume']).toEqual([{ request_id: 'r1', lease_id: 'lease-1' }])
    again.hand('r2', { attempt: 1 })
    await again.echo()
    expect(started.types().filter((type) => type === 'request')).toHaveLength(3)
  })

  test('a result that nobody acknowledged is named, and sent again with the output the hub lacks', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    run.context.output('spoken')
    run.finish({ text_output: 'kept' })
    await started.end.result()
    cut(started)
    const again = await hub.nextApp()
    expect((await again.accept([{ request_id: 'r1', output_chars: 2 }]))['resume']).toEqual([{ request_id: 'r1', lease_id: 'lease-1' }])
    expect((await again.next(APP_EVENTS.inferenceOutput)).payload).toEqual({ request_id: 'r1', text: 'oken' })
    const { message, answer } = await again.result()
    expect(message).toEqual({ request_id: 'r1', status: 'completed', result: { text_output: 'kept' } })
    answer({ ok: true })
    await expect.poll(() => started.types()).toContain('result_delivered')
    expect(started.served.unfinished).toBe(0)
  })

  test('a run that ends while the hub is away hands in its last words and its result', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    cut(started)
    await expect.poll(() => started.types()).toContain('disconnected')
    run.context.output('last words')
    run.finish({ text_output: 'while away' })
    await expect.poll(() => started.types()).toContain('result_kept')
    const again = await hub.nextApp()
    await again.accept([{ request_id: 'r1', output_chars: 0 }])
    expect((await again.next(APP_EVENTS.inferenceOutput)).payload).toEqual({ request_id: 'r1', text: 'last words' })
    expect((await again.result()).message.result).toEqual({ text_output: 'while away' })
  })

  test('log lines said while the hub is away stand between the pieces of output they were said between, once', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    const said: unknown[] = []
    const listen = ({ socket }: AppEnd) =>
      socket.onAny((event: string, { text, line }: { text?: string; line?: string }) => {
        if (event === APP_EVENTS.inferenceOutput || event === APP_EVENTS.inferenceLog) said.push(text ?? { line })
      })
    listen(started.end)
    started.end.hand('r1')
    const run = await started.handed.take()
    run.context.log('info', 'before')
    run.context.output('one ')
    await started.end.next(APP_EVENTS.inferenceOutput)
    let end: AppEnd = started.end
    for (const [stored, ...words] of [
      [4, 'two ', 'three '],
      [12, 'four '],
    ] as const) {
      cut({ end })
      await expect.poll(() => started.served.state.state).not.toBe('serving')
      for (const word of words) {
        run.context.output(word)
        run.context.log('info', `after ${word}`)
      }
      end = await hub.nextApp()
      listen(end)
      await end.accept([{ request_id: 'r1', output_chars: stored }])
      await end.echo()
    }
    run.finish({})
    ;(await end.result()).answer({ ok: true })
    expect(said).toEqual([
      { line: 'before' },
      'one ',
      'two ',
      { line: 'after two ' },
      'three ',
      { line: 'after three ' },
      'e four ',
      { line: 'after four ' },
    ])
  })

  test('a run that ends between the registration and its answer loses nothing', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    cut(started)
    const again = await hub.nextApp()
    await expect.poll(() => again.waiting(APP_EVENTS.register)).toBe(1)
    run.context.output('quick')
    run.finish({ text_output: 'quick' })
    await again.accept([{ request_id: 'r1', output_chars: 0 }])
    expect((await again.next(APP_EVENTS.inferenceOutput)).payload).toEqual({ request_id: 'r1', text: 'quick' })
    expect((await again.result()).message.result).toEqual({ text_output: 'quick' })
  })

  test('a canceled run whose handler ends while the hub is away is confirmed when it is back', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    started.end.cancel('r1', 'canceled')
    await expect.poll(() => run.context.signal.aborted).toBe(true)
    cut(started)
    await expect.poll(() => started.types()).toContain('disconnected')
    run.fail(new Error('stopped'))
    const again = await hub.nextApp()
    const registered = await again.accept([{ request_id: 'r1', output_chars: 0 }])
    expect(registered['resume']).toEqual([{ request_id: 'r1', lease_id: 'lease-1' }])
    expect((await again.result()).message).toEqual({ request_id: 'r1', status: 'canceled', result: {} })
  })

  test('a run that is not resumed is stopped soon after', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    cut(started)
    await (await hub.nextApp()).accept([])
    await expect.poll(() => run.context.signal.aborted, { timeout: 8_000 }).toBe(true)
    expect(run.context.signal.reason).toMatchObject({ reason: 'lease_lost' })
  })

  test('a result that is not resumed is not sent, but answers a second hand-over without a second run', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    cut(started)
    await expect.poll(() => started.types()).toContain('disconnected')
    run.context.output('words')
    run.finish({ text_output: 'while away' })
    const again = await hub.nextApp()
    await again.accept([])
    await again.echo()
    expect(again.waiting(APP_EVENTS.inferenceResult)).toBe(0)
    again.hand('r1', { attempt: 2 })
    expect((await again.next(APP_EVENTS.inferenceOutput)).payload).toEqual({ request_id: 'r1', text: 'words' })
    const { message, answer } = await again.result()
    expect(message.result).toEqual({ text_output: 'while away' })
    answer({ ok: true })
    await expect.poll(() => started.types()).toContain('result_delivered')
    expect(started.types().filter((type) => type === 'started')).toHaveLength(1)
  })

  test('a result refused as stale on the same connection is kept for a second hand-over', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    ;(await started.handed.take()).finish({ text_output: 'kept' })
    ;(await started.end.result()).answer(STALE)
    await expect.poll(() => started.types()).toContain('report_refused')
    started.end.hand('r1', { attempt: 2 })
    expect((await started.end.result()).message.result).toEqual({ text_output: 'kept' })
  })

  test('with a hub that names no lease and resumes nothing, a run is adopted and says again what it said', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1', { leased: false })
    const run = await started.handed.take()
    run.context.output('one ')
    await started.end.next(APP_EVENTS.inferenceOutput)
    cut(started)
    await expect.poll(() => started.types()).toContain('disconnected')
    run.context.output('two')
    const again = await hub.nextApp()
    await again.accept()
    again.hand('r1', { attempt: 2, leased: false })
    expect((await again.next(APP_EVENTS.inferenceOutput)).payload).toEqual({ request_id: 'r1', text: 'one two' })
    expect(run.context.signal.aborted).toBe(false)
    run.finish({ text_output: 'one two' })
    expect((await again.result()).message.request_id).toBe('r1')
    expect(started.types().filter((type) => type === 'started')).toHaveLength(1)
  })
})

describe('a hub that stops and asks to come back', () => {
  test('is dialled again at once, and what runs is resumed', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    started.end.socket.emit(APP_EVENTS.goodbye, { code: 'shutting_down', message: 'The hub is restarting', reconnect: true })
    started.end.socket.disconnect(true)
    const again = await hub.nextApp()
    await again.accept([{ request_id: 'r1', output_chars: 0 }])
    const retrying = started.events.find((event) => event.type === 'retrying')
    expect(retrying?.retryInMs).toBeLessThanOrEqual(200)
    run.finish({ text_output: 'done' })
    expect((await again.result()).message.request_id).toBe('r1')
  })

  test('is not hurried to again and again', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    let end = started.end
    for (let time = 1; time <= 2; time += 1) {
      end.socket.emit(APP_EVENTS.goodbye, { code: 'shutting_down', message: 'The hub is restarting', reconnect: true })
      end.socket.disconnect(true)
      end = await hub.nextApp()
      await end.accept([])
    }
    const pauses = started.events.flatMap((event) => (event.type === 'retrying' ? [event.retryInMs] : []))
    expect(pauses[1]).toBeGreaterThanOrEqual(200)
  })
})

describe('A17 renewing', () => {
  test('names all that is held: running, waiting here, and undelivered', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub, { prefetch: 5 })
    for (const id of ['r1', 'r2', 'r3']) started.end.hand(id)
    ;(await started.handed.take()).finish({})
    await started.handed.take()
    const { payload } = await started.end.next(APP_EVENTS.renew)
    expect(payload['leases']).toEqual([
      { request_id: 'r2', lease_id: 'lease-1' },
      { request_id: 'r3', lease_id: 'lease-1' },
      { request_id: 'r1', lease_id: 'lease-1' },
    ])
  })

  test('a request handed out again is renewed under its newest lease; a lost one no more', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub, { concurrency: 2 })
    started.end.hand('r1')
    started.end.hand('r2')
    await started.handed.take()
    await started.handed.take()
    started.end.hand('r1', { attempt: 2 })
    started.end.cancel('r2', 'lease_lost')
    const { payload } = await started.end.next(APP_EVENTS.renew)
    expect(payload['leases']).toEqual([{ request_id: 'r1', lease_id: 'lease-2' }])
  })
})
