// Runs before the first paint: colour scheme and language, so that nothing flashes.
{
  let theme = null
  let lang = null
  try {
    theme = localStorage.getItem('theme')
    lang = localStorage.getItem('lang')
  } catch {
    // Storage can be forbidden; then the system decides.
  }
  const dark = theme === 'dark' || (theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
  const wanted = [lang ?? '', ...navigator.languages].map((tag) => tag.slice(0, 2).toLowerCase())
  document.documentElement.lang = wanted.find((tag) => tag === 'zh' || tag === 'en') === 'zh' ? 'zh-CN' : 'en'
  // The hub's policy forbids eval; zod would otherwise probe for it.
  globalThis.__zod_globalConfig = { jitless: true }
}
