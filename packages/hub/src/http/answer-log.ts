import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'

/** Has the line about this request's answer say something more: nothing secret. */
export function noteForLog(request: FastifyRequest, note: Readonly<Record<string, string>>): void {
  request.noteForLog = note
}

/** One line an answer; mere reads only for those who debug. Paths only: a query may carry what should not be kept. */
export function logAnswers(app: FastifyInstance, log: Logger): void {
  // Looking for secrets in a line that is known to have none takes longer than to write it.
  const answers = log.child({}, { redact: [] })
  app.decorateRequest('noteForLog', null)
  app.addHook('onResponse', (request, reply, done) => {
    const line = {
      request: request.id,
      method: request.method,
      path: pathOf(request.url),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      ...request.noteForLog,
    }
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (isRead && reply.statusCode < 500) answers.debug(line, 'answered')
    else answers.info(line, 'answered')
    done()
  })
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}

declare module 'fastify' {
  interface FastifyRequest {
    noteForLog: Readonly<Record<string, string>> | null
  }
}
