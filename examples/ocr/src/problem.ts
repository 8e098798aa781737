/** Something the person who sent the request can understand and act on, in both languages. */
export class Problem extends Error {
  override readonly name = 'Problem'

  constructor(english: string, chinese: string, options?: ErrorOptions) {
    super(bilingual(english, chinese), options)
  }
}

/** An app does not know the language of the person behind a request, so its texts carry both. */
export function bilingual(english: string, chinese: string): string {
  return `${english} · ${chinese}`
}
