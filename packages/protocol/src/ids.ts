/** Branded identifiers: a space id cannot be passed where a request id is meant. */
import { z } from 'zod'

const identifier = z.string().min(1).max(64)

export const spaceId = identifier.brand<'SpaceId'>()
export type SpaceId = z.infer<typeof spaceId>

export const userId = identifier.brand<'UserId'>()
export type UserId = z.infer<typeof userId>

/** A UUIDv7: ids sort by the time the request was accepted. */
export const requestId = identifier.brand<'RequestId'>()
export type RequestId = z.infer<typeof requestId>

/** The end of a request's id, for people: random, where the beginning is a time that requests of the same minute share. */
export function shortId(id: string): string {
  return id.slice(-8)
}

export const connectionId = identifier.brand<'ConnectionId'>()
export type ConnectionId = z.infer<typeof connectionId>

/** Names one hand-over of a request; it stays the same when the app comes back on another connection. Hard to guess. */
export const leaseId = identifier.brand<'LeaseId'>()
export type LeaseId = z.infer<typeof leaseId>

/** Id of a stored secret (connect token, API key or invite), never the secret itself. */
export const secretId = identifier.brand<'SecretId'>()
export type SecretId = z.infer<typeof secretId>
