import { spaceReference, SpacesError } from '@websocket-spaces/protocol'

/** `owner/name` as the path of its API. @throws SpacesError `space_not_found` when it is none. */
export function spacePath(reference: string): string {
  const parsed = spaceReference.safeParse(reference)
  if (!parsed.success || parsed.data.owner === undefined) throw new SpacesError('space_not_found', { name: reference })
  return `/api/v1/spaces/${encodeURIComponent(parsed.data.owner)}/${encodeURIComponent(parsed.data.name)}`
}
