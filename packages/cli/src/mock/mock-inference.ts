import type { RunContext, ServedRequest } from '@websocket-spaces/client'
import type { RequestResult } from '@websocket-spaces/protocol'
import { setTimeout as delay } from 'node:timers/promises'

export interface MockInference {
  /** Seconds one request takes. */
  readonly durationSeconds: number
  readonly onProgress: (percent: number) => void
}

const STEPS = [25, 50, 75, 100] as const

/** Works through the request in four steps, streams its answer, and reports what it measured. */
export async function mockInference(
  request: ServedRequest,
  context: RunContext,
  { durationSeconds, onProgress }: MockInference,
): Promise<RequestResult> {
  const startedAt = performance.now()
  const answer = answerTo(request.prompt)
  const pieces = inPieces(answer, STEPS.length)
  for (const [index, percent] of STEPS.entries()) {
    await delay((durationSeconds * 1000) / STEPS.length, undefined, { signal: context.signal })
    context.output(pieces[index] ?? '')
    if (percent === 100) break
    context.progress(percent / 100)
    onProgress(percent)
  }
  return {
    text_output: answer,
    confidence: 0.95,
    model_used: 'mock-model-v1',
    processing_time_seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    tokens_used: countTokens(request.prompt) + countTokens(answer),
    timestamp: new Date().toISOString(),
  }
}

const MENTIONED_CHARS = 200

/** In the language of the prompt. */
export function answerTo(prompt: string): string {
  const characters = charactersOf(prompt.trim())
  const mentioned = characters.length > MENTIONED_CHARS ? `${characters.slice(0, MENTIONED_CHARS).join('')}…` : characters.join('')
  if (/\p{Script=Han}/u.test(prompt)) {
    return `您的请求是：“${mentioned}”。\n这是模拟应用的回答：连接、排队、进度和结果都已走通，换上真正的模型即可使用。`
  }
  return `You asked: "${mentioned}".\nThis is the mock app's answer: connection, queue, progress and result all work; put a real model in its place.`
}

/** About what a tokenizer would count: a word each, a Chinese character each. */
export function countTokens(text: string): number {
  return text.match(/\p{Script=Han}|[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)?.length ?? 0
}

/** As many pieces as asked for, of about one length, that together are the text. */
export function inPieces(text: string, count: number): string[] {
  const characters = charactersOf(text)
  const size = Math.ceil(characters.length / count)
  return Array.from({ length: count }, (_unused, index) => characters.slice(index * size, (index + 1) * size).join(''))
}

/** As people count them: an emoji is one. */
function charactersOf(text: string): string[] {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment)
}
