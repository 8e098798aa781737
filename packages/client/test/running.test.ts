import { APP_EVENTS } from '@websocket-spaces/protocol'
import { describe, expect, test } from 'vitest'
import { RunAborted } from '../src/index.ts'
import { connectedApp } from './scripted-app.ts'
import { scriptedHub } from './scripted-hub.ts'

describe('running requests', () => {
  test('reports progress, output, log and the result, one request at a time, oldest first', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub, { prefetch: 10 })
    started.end.hand('r1', { prompt: '第一' })
    started.end.hand('r2')
    const first = await started.handed.take()
    expect(first.request).toMatchObject({ id: 'r1', prompt: '第一', username: 'alice', attempt: 1, deadlineSeconds: 120 })
    first.context.progress(0.25, 'a quarter')
    first.context.output('片段')
    first.context.log('warning', 'careful')
    expect((await started.end.next(APP_EVENTS.inferenceProgress)).payload).toEqual({
      request_id: 'r1',
      progress: 0.25,
      message: 'a quarter',
    })
    expect((await started.end.next(APP_EVENTS.inferenceOutput)).payload).toEqual({ request_id: 'r1', text: '片段' })
    expect((await started.end.next(APP_EVENTS.inferenceLog)).payload).toEqual({ request_id: 'r1', level: 'warning', line: 'careful' })
    expect(started.handed.size()).toBe(0)
    first.finish({ text_output: 'done' })
    const { message, answer } = await started.end.result()
    expect(message).toEqual({ request_id: 'r1', status: 'completed', result: { text_output: 'done' } })
    answer({ ok: true })
    expect((await started.handed.take()).request.id).toBe('r2')
    expect(started.events.filter((event) => event.type === 'request').map((event) => event.held)).toEqual([1, 2])
  })

  test('an error of the app fails the request with its message', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    ;(await started.handed.take()).fail(new Error('out of memory'))
    expect((await started.end.result()).message).toEqual({ request_id: 'r1', status: 'failed', result: { error: 'out of memory' } })
  })

  test('A16 a cancel aborts the run; it is confirmed, and its slot is free, when the handler has ended', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub, { prefetch: 10 })
    started.end.hand('r1')
    started.end.hand('r2')
    const run = await started.handed.take()
    started.end.cancel('r1', 'canceled')
    started.end.cancel('r1', 'canceled')
    // What it was handed comes once more, by a line that repeats: it is not begun anew.
    started.end.hand('r1')
    await expect.poll(() => run.context.signal.aborted).toBe(true)
    expect(run.context.signal.reason).toBeInstanceOf(RunAborted)
    await started.end.echo()
    expect(started.handed.size()).toBe(0)
    expect(started.served.unfinished).toBe(1)
    run.context.output('nobody listens')
    run.finish({ text_output: 'too late' })
    const confirmed = await started.end.result()
    expect(confirmed.message).toEqual({ request_id: 'r1', status: 'canceled', result: {} })
    confirmed.answer({ ok: true })
    ;(await started.handed.take()).finish({ text_output: 'second' })
    expect((await started.end.result()).message.request_id).toBe('r2')
    expect(started.types().filter((type) => type === 'stopped')).toHaveLength(1)
    expect(started.end.waiting(APP_EVENTS.inferenceOutput)).toBe(0)
  })

  test('A16 a canceled request that waits here is confirmed at once and never run', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub, { prefetch: 10 })
    started.end.hand('r1')
    started.end.hand('r2')
    const run = await started.handed.take()
    started.end.cancel('r2', 'canceled')
    const confirmed = await started.end.result()
    expect(confirmed.message).toEqual({ request_id: 'r2', status: 'canceled', result: {} })
    confirmed.answer({ ok: false, error: { code: 'request_finished', message: 'This request is already finished' } })
    run.finish({ text_output: 'first' })
    expect((await started.end.result()).message.request_id).toBe('r1')
    expect(started.types()).not.toContain('report_refused')
    expect(started.handed.size()).toBe(0)
  })

  test.each(['timeout', 'space_deleted', 'lease_lost'] as const)(
    'after %s there is nothing to confirm; a handler that goes on all the same keeps its slot',
    async (reason) => {
      await using hub = await scriptedHub()
      await using started = await connectedApp(hub, { prefetch: 10 })
      started.end.hand('r1')
      started.end.hand('r2')
      const run = await started.handed.take()
      started.end.cancel('r1', reason)
      await expect.poll(() => run.context.signal.aborted).toBe(true)
      expect(run.context.signal.reason).toMatchObject({ reason })
      await started.end.echo()
      expect(started.handed.size()).toBe(0)
      run.finish({ text_output: 'too late' })
      ;(await started.handed.take()).finish({ text_output: 'second' })
      expect((await started.end.result()).message.request_id).toBe('r2')
    },
  )

  test('a report refused because the request is over aborts the run', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    const refusal = {
      request_id: 'r1',
      event: APP_EVENTS.inferenceProgress,
      code: 'request_finished',
      message: 'This request is already finished',
    }
    started.end.socket.emit(APP_EVENTS.reportRefused, refusal)
    await expect.poll(() => run.context.signal.aborted).toBe(true)
    expect(started.events).toContainEqual({ type: 'report_refused', refusal })
  })

  test('a result that was not taken is told once, though the hub says so twice', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    ;(await started.handed.take()).finish({})
    const { answer } = await started.end.result()
    const error = { code: 'not_found', message: 'Not found' } as const
    started.end.socket.emit(APP_EVENTS.reportRefused, { request_id: 'r1', event: APP_EVENTS.inferenceResult, ...error })
    answer({ ok: false, error })
    await started.end.echo()
    expect(started.types().filter((type) => type === 'report_refused')).toHaveLength(1)
  })

  test('a thousand small pieces of output travel in few messages, in order and whole', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const run = await started.handed.take()
    const words = Array.from({ length: 1_000 }, (_unused, index) => `${index} `)
    for (const word of words) run.context.output(word)
    run.context.progress(0.5)
    run.context.output('end')
    run.finish({})
    await started.end.result()
    const texts: string[] = []
    while (texts.join('').length < words.join('').length + 3) {
      texts.push(String((await started.end.next(APP_EVENTS.inferenceOutput)).payload['text']))
    }
    expect(texts.join('')).toBe(`${words.join('')}end`)
    expect(texts.length).toBeLessThan(10)
  })

  test('a long output travels in pieces that never cut a character', async () => {
    await using hub = await scriptedHub()
    await using started = await connectedApp(hub)
    started.end.hand('r1')
    const text = `x${'😀'.repeat(40_000)}`
    ;(await started.handed.take()).context.output(text)
    const first = await started.end.next(APP_EVENTS.inferenceOutput)
    const second = await started.end.next(APP_EVENTS.inferenceOutput)
    expect(`${String(first.payload.text)}${String(second.payload.text)}`).toBe(text)
    expect(String(first.payload.text).isWellFormed()).toBe(true)
  })
})
