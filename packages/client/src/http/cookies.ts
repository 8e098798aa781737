/** The cookies of one hub, in memory only: they end with the process. */
export interface Cookies {
  readonly keep: (setCookieHeaders: readonly string[]) => void
  readonly header: () => string | undefined
  readonly clear: () => void
}

export function createCookies(): Cookies {
  const values = new Map<string, string>()
  return {
    keep(setCookieHeaders) {
      for (const header of setCookieHeaders) {
        const [pair = '', ...attributes] = header.split(';')
        const equals = pair.indexOf('=')
        if (equals < 1) continue
        const name = pair.slice(0, equals).trim()
        if (isExpired(attributes)) values.delete(name)
        else values.set(name, pair.slice(equals + 1).trim())
      }
    },
    header() {
      if (values.size === 0) return undefined
      return [...values].map(([name, value]) => `${name}=${value}`).join('; ')
    },
    clear: () => values.clear(),
  }
}

function isExpired(attributes: readonly string[]): boolean {
  return attributes.some((attribute) => {
    const [name = '', value = ''] = attribute.split('=').map((part) => part.trim())
    if (name.toLowerCase() === 'max-age') return Number(value) <= 0
    return name.toLowerCase() === 'expires' && Date.parse(value) <= Date.now()
  })
}
