import { randomUUID } from 'node:crypto'
import type { LeaseId } from '@websocket-spaces/protocol'

/** 122 random bits. Not parsed: whatever this makes is one. */
export function newLeaseId(): LeaseId {
  return randomUUID() as string as LeaseId
}
