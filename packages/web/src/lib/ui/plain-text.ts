/** Markdown texts without headings and marks, for cards and headers. */
const CARD_CHARS = 200
const PARAGRAPH_CHARS = 400
const READ_CHARS = 4_000
const WIDE = /[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]/

/** The first words of a text. */
export function plainText(markdown: string): string {
  return oneSpaced(withoutMarks(markdown)).slice(0, CARD_CHARS)
}

/** The first paragraph; empty when there is none. */
export function firstParagraph(markdown: string): string {
  const paragraphs = withoutMarks(markdown).split(/\n[ \t]*\n/)
  return (
    paragraphs
      .map(oneSpaced)
      .find((text) => text !== '')
      ?.slice(0, PARAGRAPH_CHARS) ?? ''
  )
}

/** As much of `text` as fits into `columns`, whole words with a "…"; a Chinese character takes two columns. */
export function shortened(text: string, columns: number): string {
  let kept = ''
  let width = 0
  for (const character of text) {
    width += WIDE.test(character) ? 2 : 1
    if (width > columns) return `${kept.replace(/(?<=\s)[\w'’-]+$/, '').replace(/[\s\p{P}]+$/u, '')}…`
    kept += character
  }
  return text
}

function withoutMarks(markdown: string): string {
  return markdown
    .slice(0, READ_CHARS)
    .replace(/\r\n?/g, '\n')
    .replace(/```[\s\S]*?(```|$)/g, ' ')
    .replace(/<!--[\s\S]*?(-->|$)/g, ' ')
    .replace(/<\/?[a-z][^<>]*>/gi, ' ')
    .replace(/!\[[^\]]*\]\([^)]*\)/g, ' ')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^\S.*\n(=+|-{2,})[ \t]*$/gm, '\n')
    .replace(/^[ \t]{0,3}(#{1,6}[ \t].*|([-*_][ \t]*){3,})$/gm, '\n')
    .replace(/^[ \t]{0,3}(>|[-*+]|\d+\.)[ \t]+/gm, '')
    .replace(/[*`~]{1,3}(\S[^*`~]*)[*`~]{1,3}/g, '$1')
    .replace(/(^|[^\p{L}\p{N}_])_{1,3}(\S[^_]*)_{1,3}(?![\p{L}\p{N}_])/gu, '$1$2')
}

function oneSpaced(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
