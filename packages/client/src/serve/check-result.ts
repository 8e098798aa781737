import { LIMITS, requestResult, type InferenceResult, type RequestId, type RequestResult } from '@websocket-spaces/protocol'

export type ResultMessage = InferenceResult & { readonly request_id: RequestId }
export type Checked = { readonly result: RequestResult } | { readonly error: string }

/** What a handler returned may be anything at run time; only JSON can travel. */
export function checkResult(returned: unknown): Checked {
  const parsed = requestResult.safeParse(returned)
  if (!parsed.success) return { error: 'The app returned a result that is not a JSON object' }
  const bytes = Buffer.byteLength(JSON.stringify(parsed.data))
  if (bytes > LIMITS.packetBytes / 2)
    return { error: `The app's result is too large (${bytes} bytes; at most ${LIMITS.resultBytes} are accepted)` }
  return { result: parsed.data }
}

export function resultMessage(requestId: RequestId, checked: Checked): ResultMessage {
  if ('result' in checked) return { request_id: requestId, status: 'completed', result: checked.result }
  return { request_id: requestId, status: 'failed', result: { error: checked.error.slice(0, LIMITS.logLineChars) } }
}
