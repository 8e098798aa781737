/**
 * A real app in a process of its own, for tests that stop and kill it. It answers a prompt with the prompt;
 * one that starts with `hold` waits for a line on stdin first. Prints what happens, one word and an id a line.
 */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { serveSpace } from '@websocket-spaces/client'

const { values } = parseArgs({ options: { host: { type: 'string' }, space: { type: 'string' }, instance: { type: 'string' } } })
const releases = createInterface({ input: process.stdin })
let released = false
releases.once('line', () => (released = true))

const served = serveSpace({
  host: values.host ?? '',
  space: values.space ?? '',
  token: process.env['WSS_TOKEN'],
  instance: values.instance,
  onEvent(event) {
    if (event.type === 'registered' || event.type === 'disconnected') console.log(event.type)
    if (event.type === 'stopped') console.log(`stopped ${event.requestId} ${event.reason}`)
  },
  async onRequest(request, context) {
    console.log(`started ${request.id} attempt ${request.attempt}`)
    if (request.prompt.startsWith('hold') && !released) await once(releases, 'line', { signal: context.signal })
    console.log(`finished ${request.id}`)
    return { text_output: request.prompt, model_used: 'echo' }
  },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void served.close())
try {
  await served.ended
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  releases.close()
}
