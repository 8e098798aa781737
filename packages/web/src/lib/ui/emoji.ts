/** Whether this machine has a font for emoji; without one they are empty boxes. */
const SIDE = 24
const SAMPLE = '🎨'
/** Between the strongest and the weakest of red, green and blue; more than browsers add against fingerprinting. */
const COLOURED = 32

let known: boolean | undefined

/** Drawn once. Where that is not possible or not allowed, yes. */
export function hasEmojiFont(): boolean {
  known ??= !looksMissing(drawn(SAMPLE))
  return known
}

/**
 * Whether an emoji that was drawn in black is only the outline of a box, or nothing: no colours in it.
 * @param pixels red, green, blue and alpha of each, 0 … 255; all opaque, the browser does not let them be read
 */
export function looksMissing(pixels: Uint8ClampedArray): boolean {
  let isTransparentSomewhere = false
  for (let at = 0; at < pixels.length; at += 4) {
    const [red = 0, green = 0, blue = 0, alpha = 0] = pixels.subarray(at, at + 4)
    if (alpha === 0) isTransparentSomewhere = true
    else if (Math.max(red, green, blue) - Math.min(red, green, blue) > COLOURED) return false
  }
  return isTransparentSomewhere
}

/** What stands for a name where no emoji can be shown. */
export function initialOf(name: string): string {
  const [first = ''] = name
  return first.toUpperCase()
}

function drawn(emoji: string): Uint8ClampedArray {
  const canvas = document.createElement('canvas')
  canvas.width = SIDE
  canvas.height = SIDE
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (context === null) return new Uint8ClampedArray()
  context.font = `${SIDE * 0.75}px sans-serif, 'Apple Color Emoji', 'Segoe UI Emoji', 'Noto Color Emoji'`
  context.textBaseline = 'top'
  context.fillStyle = '#000'
  context.fillText(emoji, 0, 0)
  return context.getImageData(0, 0, SIDE, SIDE).data
}
