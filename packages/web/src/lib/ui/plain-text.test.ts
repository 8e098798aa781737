import { describe, expect, it } from 'vitest'
import { firstParagraph, plainText, shortened } from './plain-text.ts'

describe('the first paragraph', () => {
  it.each([
    ['# OCR\n\nReads the *text* in an image.\nIn English.\n\nMore of it.', 'Reads the text in an image. In English.'],
    ['Title\n=====\nReads `text` with [tesseract](https://example.org).', 'Reads text with tesseract.'],
    ['![logo](logo.png)\n\n识别图片中的**文字**。', '识别图片中的文字。'],
    ['<!-- note -->\n---\n> Says __what__ is in some_file_name.', 'Says what is in some_file_name.'],
    ['# Only a title', ''],
    ['', ''],
    [' \n\n ', ''],
    ['```\ncode\n```', ''],
    ['a\r\n\r\nb', 'a'],
  ])('%j', (markdown, text) => {
    expect(firstParagraph(markdown)).toBe(text)
  })

  it('is cut', () => {
    expect(firstParagraph('x'.repeat(20_000))).toHaveLength(400)
  })
})

it('a card shows the first words', () => {
  expect(plainText('# T\n\nOne **two**\n\nthree')).toBe('One two three')
})

describe('a shortened text', () => {
  it.each([
    ['fits', 4, 'fits'],
    ['whole words, as ever', 14, 'whole words…'],
    ['an unbroken-one', 8, 'an…'],
    ['unbrokenword', 8, 'unbroken…'],
    ['识别图片，得到文字', 11, '识别图片…'],
  ])('%j in %i columns', (text, columns, short) => {
    expect(shortened(text, columns)).toBe(short)
  })
})
