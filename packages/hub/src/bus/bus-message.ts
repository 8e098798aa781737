import {
  connectionId,
  ERROR_CODES,
  eta,
  followItem,
  inferenceCancel,
  secretId,
  type RequestId,
  requestId,
  requestStatus,
  spaceId,
  type UserId,
  userId,
} from '@websocket-spaces/protocol'
import { z } from 'zod'
import type { BusMessage } from '../requests/ports.ts'
import type { ConnectionChoice } from '../spaces/connections.ts'

const requestTopic = z.custom<`request:${RequestId}`>((topic) => typeof topic === 'string' && topic.startsWith('request:'))
const userTopic = z.custom<`user:${UserId}`>((topic) => typeof topic === 'string' && topic.startsWith('user:'))

const connectionChoice: z.ZodType<ConnectionChoice> = z.union([
  z.object({ connectionId }),
  z.object({ tokenIds: z.array(secretId) }),
  z.object({ spaceId, tokenless: z.boolean() }),
])

/** A message as it comes from another node. */
export const busMessage: z.ZodType<BusMessage> = z.union([
  z.object({ topic: requestTopic, item: followItem }),
  z.object({ topic: z.literal('spaces'), spaceId, change: z.literal('status') }),
  z.object({ topic: z.literal('spaces'), spaceId, ownerId: userId, change: z.enum(['edited', 'deleted']), listed: z.boolean() }),
  z.object({ topic: userTopic, change: z.literal('revoked') }),
  z.object({ topic: userTopic, change: z.literal('request'), requestId, spaceId, status: requestStatus }),
  z.object({ topic: z.literal('connections') }),
  z.object({ topic: z.literal('waiting'), spaceId }),
  z.object({ topic: z.literal('queue'), spaceId, waiting: z.array(requestId), length: z.number().int(), etas: z.array(eta) }),
  z.object({ topic: z.literal('canceling'), requestId }),
  z.object({ topic: z.literal('ended'), requestId, reason: inferenceCancel.shape.reason }),
  z.object({ topic: z.literal('closing'), choice: connectionChoice, code: z.enum(ERROR_CODES) }),
  z.object({ topic: z.literal('identities'), userId }),
])
