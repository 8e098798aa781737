/** Light, dark, or whatever the system says. `static/theme.js` applies the choice before the first paint. */
export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const STORAGE_KEY = 'theme'
const systemDark = matchMedia('(prefers-color-scheme: dark)')

let current = $state<Theme>(remembered())
systemDark.addEventListener('change', () => apply(current))

export function theme(): Theme {
  return current
}

export function setTheme(next: Theme): void {
  current = next
  apply(next)
  try {
    localStorage.setItem(STORAGE_KEY, next)
  } catch {
    // Storage can be forbidden; the choice then lasts until the tab closes.
  }
}

function apply(next: Theme): void {
  const dark = next === 'dark' || (next === 'system' && systemDark.matches)
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
}

function remembered(): Theme {
  try {
    const stored = localStorage.getItem(STORAGE_KEY)
    return THEMES.find((name) => name === stored) ?? 'system'
  } catch {
    return 'system'
  }
}
