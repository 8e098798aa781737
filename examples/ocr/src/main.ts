import { parseHubAddress, serveSpace, type ServedSpace, type ServeEvent } from '@websocket-spaces/client'
import type { FetchPolicy } from './fetch-image.ts'
import { type Options, readOptions, USAGE } from './options.ts'
import { Problem } from './problem.ts'
import { readText } from './read-text.ts'
import { createRecogniser, type Recogniser } from './recogniser.ts'

function serve(options: Options, recognisers: readonly Recogniser[]): ServedSpace {
  const policy: FetchPolicy = { hubOrigin: parseHubAddress(options.host).origin, allowPrivateHosts: options.allowPrivateHosts }
  const free = [...recognisers]
  return serveSpace({
    host: options.host,
    space: options.space,
    token: options.token,
    instance: options.instance,
    concurrency: options.concurrency,
    sdk: 'ocr-example',
    onEvent: logEvent,
    async onRequest(request, context) {
      // The hub hands out no more than `concurrency` at once, so one is free.
      const recogniser = free.pop()
      if (recogniser === undefined) throw new Problem('The app is busy', '应用繁忙')
      try {
        return await readText(request, context, recogniser, policy)
      } catch (error) {
        if (error instanceof Problem || context.signal.aborted) throw error
        console.error(error)
        throw new Problem('The app failed to read this image', '应用读取该图片时出错', { cause: error })
      } finally {
        free.push(recogniser)
      }
    },
  })
}

function logEvent(event: ServeEvent): void {
  const time = new Date().toISOString().slice(11, 19)
  switch (event.type) {
    case 'registered':
      return console.log(`${time} serving ${event.space}`)
    case 'disconnected':
      return console.log(`${time} disconnected: ${event.reason}`)
    case 'retrying':
      return console.log(`${time} ${event.error?.message ?? 'lost'}; trying again in ${(event.retryInMs / 1_000).toFixed(1)} s`)
    case 'draining':
      return console.log(`${time} leaving when ${event.unfinished} requests are finished; Ctrl+C again leaves at once`)
    case 'completed':
      return console.log(`${time} ${event.requestId} done in ${event.seconds.toFixed(1)} s`)
    case 'failed':
      return console.log(`${time} ${event.requestId} failed: ${event.error}`)
    case 'stopped':
      return console.log(`${time} ${event.requestId} stopped: ${event.reason}`)
    default:
  }
}

/** The first Ctrl+C finishes what is being read, another one leaves at once; npm sends each twice. */
function leaveOnSignal(served: ServedSpace): void {
  let firstAt: number | undefined
  const leave = () => {
    const again = firstAt !== undefined
    firstAt ??= performance.now()
    if (!again || performance.now() - firstAt > 1_000) void served.close({ drain: !again })
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, leave)
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env)
  if (options === 'help') return console.log(USAGE)
  const recognisers = Array.from({ length: options.concurrency }, createRecogniser)
  const served = serve(options, recognisers)
  leaveOnSignal(served)
  // Started by another Node process, such as the demo: when that is gone, even killed, so is this.
  process.once('disconnect', () => void served.close())
  try {
    await served.ended
  } finally {
    process.channel?.unref()
    await Promise.all(recognisers.map((recogniser) => recogniser.close()))
  }
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
