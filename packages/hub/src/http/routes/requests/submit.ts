import type { FastifyInstance } from 'fastify'
import { isFinished, LIMITS, type RequestId, spaceReferenceParams, submitBody } from '@websocket-spaces/protocol'
import { z } from 'zod'
import type { Services } from '../../../services.ts'
import { noteForLog } from '../../answer-log.ts'
import { parse } from '../../errors.ts'
import { identityOf } from '../../identity.ts'
import { Closed } from '../../closed.ts'

const LONGEST_WAIT = 60
const idempotencyKey = z.string().min(1).max(LIMITS.idempotencyKeyChars)

/** POST …/requests: 202 with the accepted request; with `Prefer: wait=n`, 200 when it finished within n seconds. */
export function submitRoute(app: FastifyInstance, { catalog, requests }: Services): void {
  app.post('/api/v1/spaces/:owner/:name/requests', async (request, reply) => {
    const { owner, name } = parse(spaceReferenceParams, request.params)
    const identity = identityOf(request)
    const { input, priority } = parse(submitBody, request.body)
    const space = await catalog.find(owner, name, identity)
    const given = request.headers['idempotency-key']
    const key = given === undefined ? undefined : parse(idempotencyKey, given)
    const onAccepted = (id: RequestId): void => noteForLog(request, { accepted: id })
    const wait = preferredWait(request.headers['prefer'])
    if (wait === null) {
      const accepted = await requests.submit(space, identity, { input, priority, key })
      onAccepted(accepted.id)
      return reply.status(202).header('location', accepted.urls.self).send(accepted)
    }
    const gone = new Closed(reply.raw, wait * 1000)
    // Not `using`, here and wherever each request comes by: V8 leaves its fast code for it.
    const view = await requests
      .submitAndWait(space, identity, { input, priority, key }, gone, onAccepted)
      .finally(() => gone[Symbol.dispose]())
    return await reply
      .status(isFinished(view.status) ? 200 : 202)
      .header('location', view.urls.self)
      .header('preference-applied', `wait=${wait}`)
      .send(view)
  })
}

/** Seconds asked for by `Prefer: wait` (RFC 7240), 60 at most; null when not asked. */
function preferredWait(header: string | string[] | undefined): number | null {
  const match = /(?:^|[,;\s])wait(?:=(\d{1,6}))?(?=$|[,;\s])/i.exec(String(header ?? ''))
  if (match === null) return null
  return Math.min(LONGEST_WAIT, Number(match[1] ?? LONGEST_WAIT))
}
