import type { IncomingHttpHeaders } from 'node:http'
import type { Language } from '@websocket-spaces/protocol'

/** The language a caller prefers, by Accept-Language; English where neither is asked for. */
export function languageOf(headers: IncomingHttpHeaders): Language {
  const wanted = (headers['accept-language'] ?? '').slice(0, 256).split(',').map(readPreference)
  wanted.sort((a, b) => b.weight - a.weight)
  for (const { tag } of wanted) {
    if (tag === 'zh' || tag.startsWith('zh-')) return 'zh'
    if (tag === 'en' || tag.startsWith('en-')) return 'en'
  }
  return 'en'
}

function readPreference(entry: string): { tag: string; weight: number } {
  const [tag = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase())
  const q = parameters.find((part) => part.startsWith('q='))
  const weight = q === undefined ? 1 : Number(q.slice(2))
  return { tag, weight: Number.isFinite(weight) ? weight : 0 }
}
