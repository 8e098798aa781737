import { serveSpace, type RunContext, type ServedRequest, type ServeEvent, type ServeOptions } from '../src/index.ts'
import { createQueue, type ScriptedHub } from './scripted-hub.ts'

export interface Handed {
  readonly request: ServedRequest
  readonly context: RunContext
  finish(result: Record<string, string>): void
  fail(error: Error): void
}

/** An app whose every run is decided by the test. */
export function app(hub: { url: string }, more: Partial<ServeOptions> = {}) {
  const handed = createQueue<Handed>('a request')
  const events: ServeEvent[] = []
  const served = serveSpace({
    host: hub.url,
    space: 'Echo',
    token: 'wst_secret',
    ...more,
    onRequest(request, context) {
      const { promise, resolve, reject } = Promise.withResolvers<Record<string, string>>()
      handed.push({ request, context, finish: resolve, fail: reject })
      return promise
    },
    onEvent: (event) => events.push(event),
  })
  return { served, handed, events, types: () => events.map((event) => event.type), [Symbol.asyncDispose]: () => served.close() }
}

/** The same, already registered. */
export async function connectedApp(hub: ScriptedHub, more: Partial<ServeOptions> = {}) {
  const started = app(hub, more)
  const end = await hub.nextApp()
  await end.accept()
  await started.served.registered
  return { ...started, end }
}
