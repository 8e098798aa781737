/** What a generated cover looks like, always the same for the same space. */
const EMOJI = [
  '✨',
  '🚀',
  '🧠',
  '🎨',
  '🔭',
  '🌊',
  '🌱',
  '🪄',
  '🎧',
  '📚',
  '🧩',
  '🛰️',
  '🍀',
  '🔮',
  '🎲',
  '🐳',
  '🦉',
  '⚡',
  '🗺️',
  '🧪',
] as const

/** Pairs of hues that stay clear of mud when they blend. */
const HUES = [
  [262, 305],
  [230, 275],
  [200, 245],
  [170, 215],
  [155, 195],
  [75, 25],
  [40, 5],
  [15, 340],
  [335, 295],
  [290, 255],
] as const

export interface CoverLook {
  readonly emoji: string
  readonly from: string
  readonly to: string
  readonly glow: string
}

/** `seed` is the space's `owner/name`; `emoji` the owner's choice, or empty. */
export function coverLook(seed: string, emoji: string): CoverLook {
  const hash = hashOf(seed)
  const [from, to] = HUES[hash % HUES.length] ?? HUES[0]
  return {
    emoji: emoji === '' ? (EMOJI[(hash >>> 8) % EMOJI.length] ?? '✨') : emoji,
    from: `oklch(0.8 0.11 ${from})`,
    to: `oklch(0.62 0.16 ${to})`,
    glow: `oklch(0.92 0.07 ${from} / 0.8)`,
  }
}

/** FNV-1a, 32 bits, with its bits mixed so that similar names look different. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}
