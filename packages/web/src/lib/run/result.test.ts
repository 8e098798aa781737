import { describe, expect, it } from 'vitest'
import { isSafeMedia, readResult } from './result.ts'

describe('a result as the page shows it', () => {
  it('names the figures, the text and the rest', () => {
    const read = readResult({
      text_output: 'Hi',
      confidence: 0.95,
      model_used: 'mock',
      processing_time_seconds: 2.3,
      tokens_used: 12,
      timestamp: 1,
    })
    expect(read).toEqual({
      text: 'Hi',
      confidence: 0.95,
      model: 'mock',
      processingSeconds: 2.3,
      tokens: 12,
      media: [],
      rest: { timestamp: 1 },
    })
  })

  it('shows a known key of another type as it is', () => {
    expect(readResult({ confidence: 'high', text_output: null })).toMatchObject({
      confidence: undefined,
      rest: { confidence: 'high', text_output: null },
    })
  })

  it('shows media only from where it is safe', () => {
    const read = readResult({ image_url: 'javascript:alert(1)', audio_url: 'https://example.org/a.wav', video_url: 'data:text/html,<b>' })
    expect(read.media).toEqual([{ kind: 'audio', url: 'https://example.org/a.wav' }])
    expect(Object.keys(read.rest)).toEqual(['image_url', 'video_url'])
  })

  it.each([
    ['data:image/png;base64,AA', 'image', true],
    ['data:image/svg+xml,<svg onload=alert(1)>', 'image', false],
    [' data:text/html,x', 'image', false],
    ['blob:https://example.org/1', 'video', false],
    ['/api/v1/files/1', 'image', true],
    ['data:audio/wav;base64,AA', 'audio', true],
    ['DATA:text/html;base64,AA', 'audio', false],
  ] as const)('%s as %s: %s', (url, kind, safe) => {
    expect(isSafeMedia(url, kind)).toBe(safe)
  })
})
