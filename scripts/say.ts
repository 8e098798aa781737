/** Messages of the scripts in the language of the terminal. */
const locale = process.env['LC_ALL'] || process.env['LC_MESSAGES'] || process.env['LANG'] || ''
export const speaksChinese = /^zh/i.test(locale)

export function say(english: string, chinese: string): string {
  return speaksChinese ? chinese : english
}
