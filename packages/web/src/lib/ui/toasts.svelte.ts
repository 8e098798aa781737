/** Short notes that something was done, where the place itself is gone or cannot say it. */
const SHOWN_MS = 4_000
const MOST_SHOWN = 3

interface Toast {
  readonly id: number
  readonly text: string
}

let shown = $state.raw<readonly Toast[]>([])
let lastId = 0

export function toasts(): readonly Toast[] {
  return shown
}

export function toast(text: string): void {
  const id = (lastId += 1)
  shown = [...shown, { id, text }].slice(-MOST_SHOWN)
  setTimeout(() => (shown = shown.filter((one) => one.id !== id)), SHOWN_MS)
}
