import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'

const notes = new WeakMap<FastifyRequest, Readonly<Record<string, string>>>()

/** Has the line about this request's answer say something more. */
export function noteForLog(request: FastifyRequest, note: Readonly<Record<string, string>>): void {
  notes.set(request, note)
}

/** A logger for one request, made when something is first logged by it: of most requests there is only the line below. */
export function requestLog(log: FastifyBaseLogger, bindings: Record<string, unknown>): FastifyBaseLogger {
  let child: FastifyBaseLogger | undefined
  return new Proxy(log, { get: (_, key) => Reflect.get((child ??= log.child(bindings)), key) as unknown })
}

/** One line an answer; mere reads only for those who debug. Paths only: a query may carry what should not be kept. */
export function logAnswers(app: FastifyInstance, log: FastifyBaseLogger): void {
  app.addHook('onResponse', (request, reply, done) => {
    const line = {
      request: request.id,
      method: request.method,
      path: pathOf(request.url),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      ...notes.get(request),
    }
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (isRead && reply.statusCode < 500) log.debug(line, 'answered')
    else log.info(line, 'answered')
    done()
  })
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}
