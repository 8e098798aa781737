import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { LIMITS, SpacesError } from '@websocket-spaces/protocol'
import type { Services } from '../services.ts'
import { logAnswers } from './answer-log.ts'
import { answerError } from './errors.ts'
import { requireSignIn } from './identity.ts'
import { loadPage, servePage } from './page.ts'
import { requestLog } from './request-log.ts'
import { routes } from './routes/index.ts'
import { headersFor, secure, strictHeaders } from './security.ts'

/** The HTTP side, not yet listening. */
export async function createHttpServer(services: Services): Promise<FastifyInstance> {
  const { config, log, accounts } = services
  const logger: FastifyBaseLogger = log
  const page = loadPage(config.webDir)
  const headers = strictHeaders({ publicUrl: config.publicUrl, scriptHashes: page.scriptHashes })
  const app = Fastify({
    loggerInstance: logger,
    genReqId: requestNames(),
    childLoggerFactory: requestLog,
    bodyLimit: LIMITS.httpBodyBytes,
    // One hop: the last address in X-Forwarded-For is the proxy's word, those before it are the client's own.
    trustProxy: config.trustProxy ? (_address, hop) => hop === 0 : false,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request' }),
    // A client that sends its headers by the drop would hold a socket for ever.
    requestTimeout: 60_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 512 },
    // What no route got to see, such as an address that is too long.
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply.headers(headersFor(request.url, headers))),
  })
  allowEmptyJson(app)
  // Text is what a page of another site may send without being asked first.
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler(answerError)
  secure(app, headers, config)
  requireSignIn(app, accounts)
  logAnswers(app, log)
  for (const route of routes) route(app, services)
  await servePage(app, page)
  app.setNotFoundHandler((request, reply) => {
    const reads = request.method === 'GET' || request.method === 'HEAD'
    // Whoever looks with curl, or a load balancer, finds something at the root too.
    const asksForPage = request.url === '/' || (request.headers.accept ?? '').includes('text/html')
    const wantsPage = reads && asksForPage && !request.url.startsWith('/api/')
    if (!wantsPage) return answerError(new SpacesError('not_found'), request, reply)
    return reply.header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(page.shell)
  })
  return app
}

/** What a request is called in the log and in an answer about an error of ours: the hub's start, and a number. */
function requestNames(): () => string {
  const start = randomUUID().slice(0, 8)
  let count = 0
  return () => `${start}-${(count += 1)}`
}

/** Clients that always name a content type send it with an empty body too, as for a cancel. */
function allowEmptyJson(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parseJson(request, String(body), done)
  })
}
