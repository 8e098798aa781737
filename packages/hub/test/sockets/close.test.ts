/** Stopping a hub while it is in use. */
import { expect, test } from 'vitest'
import { startHub } from '../support/hub.ts'
import { connectLive, serve } from '../support/sockets.ts'

test('a hub closes although event streams, waits, live sockets and apps are open; apps are told to come back', async () => {
  await using hub = await startHub()
  const own = await hub.admin.makeSpace()
  using app = await serve(hub.url, own, { concurrency: 1, prefetch: 0 })
  using live = await connectLive(hub.url, hub.admin)
  const running = await hub.admin.submit(own)
  await app.request()
  const waits = await hub.admin.submit(own)
  await live.call('follow', { request_id: running.id })
  const stream = await fetch(hub.url + waits.urls.events, { headers: hub.admin.headers })
  const broken = stream.text().catch(() => 'broken off')
  const held = hub.admin.call('POST', `${own.path}/requests`, { input: { prompt: 'p' } }, { prefer: 'wait=50' }).catch(() => null)
  const closed = hub.hub.close()
  // It takes results while it waits for the apps, and nothing new.
  expect(await app.report('inference_result', { request_id: running.id, status: 'completed', result: {} })).toEqual({ ok: true })
  await closed
  expect(await app.goodbye()).toMatchObject({ code: 'shutting_down', reconnect: true })
  await Promise.all([app.gone(), live.gone(), broken, held])
  expect(live.closed()).toBe('transport close')
  await hub.hub.close()
  expect(hub.errors).toEqual([])
})

test('a hub that never listened closes, and may be closed again and again', async () => {
  await using hub = await startHub()
  await Promise.all([hub.hub.close(), hub.hub.close()])
  await hub.hub.close()
  expect(hub.errors).toEqual([])
})

test('a hub under load closes without an error', async () => {
  await using hub = await startHub()
  const own = await hub.admin.makeSpace()
  using app = await serve(hub.url, own)
  app.socket.on('inference_request', ({ request_id }: { request_id: string }) => {
    app.socket.emit('inference_progress', { request_id, progress: 0.5 })
    app.socket.emit('inference_output', { request_id, text: 'x' })
    app.socket.emit('inference_result', { request_id, status: 'completed', result: {} })
  })
  const submitted = Array.from({ length: 60 }, async (_, index) => {
    await new Promise((resolve) => setTimeout(resolve, index * 2))
    return hub.admin.call('POST', `${own.path}/requests`, { input: { prompt: 'p' } }).then(
      ({ status }) => status,
      () => 'closed',
    )
  })
  await app.request(5)
  await hub.hub.close()
  for (const answer of await Promise.all(submitted)) expect([202, 503, 'closed']).toContain(answer)
  expect(hub.errors).toEqual([])
})
