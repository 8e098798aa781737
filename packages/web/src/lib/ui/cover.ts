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

export interface CoverLook {
  readonly emoji: string
  readonly from: string
  readonly to: string
  readonly glow: string
}

/** `seed` is the space's `owner/name`; `emoji` the owner's choice, or empty. */
export function coverLook(seed: string, emoji: string): CoverLook {
  const hash = hashOf(seed)
  const hue = hash % 360
  const turn = 36 + ((hash >>> 9) % 48)
  return {
    emoji: emoji === '' ? (EMOJI[(hash >>> 4) % EMOJI.length] ?? '✨') : emoji,
    from: `oklch(0.7 0.13 ${hue})`,
    to: `oklch(0.55 0.15 ${hue + turn})`,
    glow: `oklch(0.86 0.1 ${hue - 24} / 0.75)`,
  }
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}
