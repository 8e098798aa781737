/** Sorts what an app returned into what the page knows how to show and the rest. */
import type { RequestResult } from '@websocket-spaces/protocol'

export type MediaKind = 'audio' | 'image' | 'video'

export interface ReadResult {
  readonly processingSeconds: number | undefined
  readonly confidence: number | undefined
  readonly model: string | undefined
  readonly tokens: number | undefined
  readonly text: string | undefined
  readonly media: readonly { kind: MediaKind; url: string }[]
  /** Everything else, as it came. */
  readonly rest: RequestResult
}

const MEDIA_KEYS: Readonly<Record<string, MediaKind>> = { audio_url: 'audio', image_url: 'image', video_url: 'video' }
const SAFE_DATA: Readonly<Record<MediaKind, RegExp>> = {
  audio: /^data:audio\/[\w.+-]+[;,]/i,
  image: /^data:image\/(png|jpe?g|gif|webp|avif|bmp)[;,]/i,
  video: /^data:video\/[\w.+-]+[;,]/i,
}

/** A known key with a value of another type stays in `rest`, shown as it is. */
export function readResult(result: RequestResult): ReadResult {
  const rest: RequestResult = { ...result }
  function take<T>(key: string, isRight: (value: unknown) => value is T): T | undefined {
    const value = rest[key]
    if (!isRight(value)) return undefined
    delete rest[key]
    return value
  }
  const media = Object.entries(MEDIA_KEYS).flatMap(([key, kind]) => {
    const url = take(key, (value): value is string => typeof value === 'string' && isSafeMedia(value, kind))
    return url === undefined ? [] : [{ kind, url }]
  })
  return {
    processingSeconds: take('processing_time_seconds', isNumber),
    confidence: take('confidence', isNumber),
    model: take('model_used', isText),
    tokens: take('tokens_used', isNumber),
    text: take('text_output', isText),
    media,
    rest,
  }
}

/** Whether a page may load `url`: the web, or inline data of a type that cannot carry scripts. */
export function isSafeMedia(url: string, kind: MediaKind): boolean {
  if (/^data:/i.test(url)) return SAFE_DATA[kind].test(url)
  if (!URL.canParse(url, 'https://hub.invalid')) return false
  return ['http:', 'https:'].includes(new URL(url, 'https://hub.invalid').protocol)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
