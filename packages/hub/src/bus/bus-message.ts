import { followItem, type RequestId, requestId, requestStatus, spaceId, type UserId, userId } from '@websocket-spaces/protocol'
import { z } from 'zod'
import type { BusMessage } from '../requests/ports.ts'

const requestTopic = z.custom<`request:${RequestId}`>((topic) => typeof topic === 'string' && topic.startsWith('request:'))
const userTopic = z.custom<`user:${UserId}`>((topic) => typeof topic === 'string' && topic.startsWith('user:'))

/** A message as it comes from another node. */
export const busMessage: z.ZodType<BusMessage> = z.union([
  z.object({ topic: requestTopic, item: followItem }),
  z.object({ topic: z.literal('spaces'), spaceId, change: z.literal('status') }),
  z.object({ topic: z.literal('spaces'), spaceId, ownerId: userId, change: z.enum(['edited', 'deleted']), listed: z.boolean() }),
  z.object({ topic: userTopic, change: z.literal('revoked') }),
  z.object({ topic: userTopic, change: z.literal('request'), requestId, spaceId, status: requestStatus }),
  z.object({ topic: z.literal('connections') }),
])
