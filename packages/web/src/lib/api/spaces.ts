import { space, spacePage } from '@websocket-spaces/protocol'
import type { CreateSpaceBody, ListSpacesQuery, Space, SpacePage, UpdateSpaceBody } from '@websocket-spaces/protocol'
import { call, callOnly, spacePath, withQuery } from './http.ts'

export function listSpaces(query: ListSpacesQuery): Promise<SpacePage> {
  return call('GET', withQuery('/api/v1/spaces', { ...query, limit: undefined }), spacePage)
}

export function fetchSpace(owner: string, name: string): Promise<Space> {
  return call('GET', spacePath(owner, name), space)
}

export function createSpace(body: CreateSpaceBody): Promise<Space> {
  return call('POST', '/api/v1/spaces', space, body)
}

export function updateSpace(owner: string, name: string, body: UpdateSpaceBody): Promise<Space> {
  return call('PATCH', spacePath(owner, name), space, body)
}

export function deleteSpace(owner: string, name: string): Promise<void> {
  return callOnly('DELETE', spacePath(owner, name))
}

/** `image` is a PNG, JPEG or WebP of at most `LIMITS.coverBytes`. */
export function uploadCover(owner: string, name: string, image: Blob): Promise<void> {
  return callOnly('PUT', spacePath(owner, name, '/cover'), image)
}

export function removeCover(owner: string, name: string): Promise<void> {
  return callOnly('DELETE', spacePath(owner, name, '/cover'))
}
