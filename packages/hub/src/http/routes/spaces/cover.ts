import type { FastifyInstance } from 'fastify'
import { LIMITS, spaceReferenceParams, SpacesError } from '@websocket-spaces/protocol'
import type { Services } from '../../../services.ts'
import { parse } from '../../errors.ts'
import { identityOf } from '../../identity.ts'

const COVER_TYPES = ['image/png', 'image/jpeg', 'image/webp']
const PATH = '/api/v1/spaces/:owner/:name/cover'

/** The cover image of a space. What is stored is what its first bytes say, whatever the header claimed. */
export function coverRoutes(app: FastifyInstance, { catalog }: Services): void {
  // In a scope of its own: no other route takes images.
  void app.register(async (scope) => putCover(scope, catalog))

  app.delete(PATH, async (request, reply) => {
    const { owner, name } = parse(spaceReferenceParams, request.params)
    await catalog.setCover(await catalog.editable(owner, name, identityOf(request)), null)
    return reply.status(204).send()
  })

  app.get(PATH, async (request, reply) => {
    const { owner, name } = parse(spaceReferenceParams, request.params)
    const cover = await catalog.cover(await catalog.find(owner, name, identityOf(request)))
    return reply.type(cover.mediaType).header('cache-control', 'private, max-age=86400').send(Buffer.from(cover.bytes))
  })
}

function putCover(scope: FastifyInstance, catalog: Services['catalog']): void {
  scope.addContentTypeParser(COVER_TYPES, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

  scope.put(PATH, { bodyLimit: LIMITS.coverBytes }, async (request, reply) => {
    const { owner, name } = parse(spaceReferenceParams, request.params)
    const space = await catalog.editable(owner, name, identityOf(request))
    const mediaType = Buffer.isBuffer(request.body) ? imageType(request.body) : null
    if (mediaType === null || !Buffer.isBuffer(request.body))
      throw new SpacesError('unsupported_media_type', { expected: COVER_TYPES.join(', ') })
    await catalog.setCover(space, { mediaType, bytes: request.body })
    return reply.status(204).send()
  })
}

function imageType(bytes: Buffer): string | null {
  if (bytes.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))) return 'image/png'
  if (bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))) return 'image/jpeg'
  if (bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP') return 'image/webp'
  return null
}
