/** Prompts that are a picture, as the text of a data URL, and short forms of prompts for lists. */
export interface Picture {
  readonly url: string
  readonly bytes: number
}

/** Raster formats only; an SVG may carry more than a picture. */
const PICTURE = /^data:image\/(?:png|jpe?g|gif|webp|avif);base64,[A-Za-z0-9+/]+={0,2}$/
const MOST_CHARS = 1_400_000
const LINE_CHARS = 160

/** The picture `text` consists of; undefined for any other text, also one that only begins with a picture. */
export function readPicture(text: string): Picture | undefined {
  if (text.length > MOST_CHARS || !/^\s*data:image\//.test(text)) return undefined
  const url = text.trim()
  if (!PICTURE.test(url)) return undefined
  const data = url.length - url.indexOf(',') - 1
  const padding = url.endsWith('==') ? 2 : url.endsWith('=') ? 1 : 0
  return { url, bytes: Math.floor((data * 3) / 4) - padding }
}

/** The beginning of `text` in one line, never cut through a character. */
export function oneLine(text: string): string {
  return text
    .slice(0, LINE_CHARS * 4)
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, LINE_CHARS)
    .replace(/[\ud800-\udbff]$/, '')
}

/** "512 B", "12 kB", "1.3 MB", in the way `languageTag` writes numbers. */
export function sizeOf(bytes: number, languageTag: string): string {
  const [unit, value] = bytes < 1_000 ? ['B', bytes] : bytes < 1_000_000 ? ['kB', bytes / 1_000] : ['MB', bytes / 1_000_000]
  return `${new Intl.NumberFormat(languageTag, { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)} ${unit}`
}
