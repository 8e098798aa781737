/**
 * An app in a process of its own that answers as `answerTo` says. Prints `run ID` for each request it begins, `over ID HOW`
 * for each it ends, `registered` whenever a hub has welcomed it, and all else that happens to it.
 * `--old` makes it one of the older kind: four events, one request at a time, its own queue, no acknowledgements.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { RunAborted, serveSpace, type ServeEvent } from '@websocket-spaces/client'
import { APP_EVENTS, inferenceRequest } from '@websocket-spaces/protocol'
import { io } from 'socket.io-client'
import { answerTo } from './answer.ts'

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '' },
    space: { type: 'string', default: '' },
    instance: { type: 'string' },
    concurrency: { type: 'string', default: '1' },
    old: { type: 'boolean', default: false },
  },
})
const token = process.env['WSS_TOKEN']

function serveNew(): void {
  serveSpace({
    host: values.host,
    space: values.space,
    token,
    instance: values.instance,
    concurrency: Number(values.concurrency),
    onEvent: tell,
    async onRequest({ id, prompt }, context) {
      console.log(`run ${id}`)
      const { pieces, pause, text, fails } = answerTo(prompt)
      try {
        for (const [index, piece] of pieces.entries()) {
          await sleep(pause, undefined, { signal: context.signal })
          context.output(piece)
          context.progress((index + 1) / pieces.length)
        }
      } finally {
        const reason: unknown = context.signal.reason
        console.log(`over ${id} ${reason instanceof RunAborted ? reason.reason : 'whole'}`)
      }
      if (fails) throw new Error(text)
      return { text_output: text }
    },
  }).ended.catch((error: unknown) => {
    console.log(`ended ${String(error)}`)
    process.exitCode = 1
  })
}

function tell(event: ServeEvent): void {
  const { type } = event
  if (type === 'registered') console.log(`registered ${event.connectionId}`)
  else if (type !== 'started' && type !== 'completed' && type !== 'result_sent') console.log(`- ${told(event)}`)
}

function told(event: ServeEvent): string {
  if (event.type === 'request') return `request ${event.request.id} attempt ${event.request.attempt}`
  return JSON.stringify(event, (_key, value: unknown) => (value instanceof Error ? String(value) : value))
}

function serveOld(): void {
  const socket = io(values.host, { auth: { token }, transports: ['websocket'], reconnectionDelay: 200, reconnectionDelayMax: 1_000 })
  let turn: Promise<void> = Promise.resolve()
  socket.on('connect', () => void socket.emit(APP_EVENTS.register, { space_name: values.space }))
  socket.on(APP_EVENTS.registerResponse, () => console.log('registered'))
  socket.on(APP_EVENTS.inferenceRequest, (message: unknown) => {
    const { request_id, payload } = inferenceRequest.parse(message)
    turn = turn.then(async () => {
      console.log(`run ${request_id}`)
      const { pieces, pause, text, fails } = answerTo(payload.prompt)
      await sleep(pause * pieces.length)
      const result = fails ? { error: text } : { text_output: text }
      socket.emit(APP_EVENTS.inferenceResult, { request_id, status: fails ? 'failed' : 'completed', result })
      console.log(`over ${request_id} whole`)
    })
  })
}

if (values.old) serveOld()
else serveNew()
