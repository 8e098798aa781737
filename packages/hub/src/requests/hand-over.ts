import type { Connection } from '../spaces/connections.ts'
import type { Leases } from './leases.ts'
import type { ClaimedRequest } from './ports.ts'

/** From now on the connection holds the request, and its app is sent it. */
export function handOver(leases: Leases, connection: Connection, request: ClaimedRequest, deadlineSeconds: number): void {
  const { id: requestId, leaseId, started } = request
  leases.give(connection, { requestId, leaseId, started, deadlineSeconds, renewedAt: performance.now(), arrivals: Promise.resolve() })
  connection.link.deliver({
    request_id: requestId,
    lease_id: leaseId,
    username: request.username,
    payload: { prompt: request.input.prompt, timestamp: request.createdAt / 1000 },
    attempt: request.attempt,
    deadline_seconds: deadlineSeconds,
  })
}
