import type { RunContext, ServedRequest } from '@websocket-spaces/client'
import type { FetchPolicy } from './fetch-image.ts'
import { inspectImage } from './image-format.ts'
import { loadImage } from './image-source.ts'
import { bilingual, Problem } from './problem.ts'
import { MODEL, type Recogniser } from './recogniser.ts'

/** Shares of the progress bar: getting the image, then reading it. */
const FETCHED = 0.1

/** One request from prompt to result. Throws a Problem, whose message is for the person who asked. */
export async function readText(request: ServedRequest, context: RunContext, recogniser: Recogniser, policy: FetchPolicy) {
  const started = performance.now()
  context.progress(0, bilingual('Getting the image', '正在获取图片'))
  const image = await loadImage(request.prompt, policy, context.signal)
  const format = inspectImage(image)
  context.log('info', `${format.name}, ${format.width}×${format.height}, ${image.length} bytes`)
  const reading = bilingual('Reading the text', '正在识别文字')
  context.progress(FETCHED, reading)
  const { text, confidence } = await recogniser.recognise(
    image,
    (share) => context.progress(FETCHED + share * (1 - FETCHED), reading),
    context.signal,
  )
  if (text === '') throw new Problem('No text was found in the image', '图片中没有找到文字')
  return {
    text_output: text,
    confidence: Math.round(confidence * 1_000) / 1_000,
    model_used: MODEL,
    processing_time_seconds: Math.round(performance.now() - started) / 1_000,
    tokens_used: text.split(/\s+/).length,
    timestamp: Date.now() / 1_000,
    image: { format: format.name, width: format.width, height: format.height, bytes: image.length },
  }
}
