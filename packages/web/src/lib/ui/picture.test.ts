import { describe, expect, it } from 'vitest'
import { oneLine, readPicture, sizeOf } from './picture.ts'

describe('a prompt that is a picture', () => {
  it.each(['png', 'jpeg', 'jpg', 'gif', 'webp', 'avif'])('%s is shown as one', (type) => {
    expect(readPicture(`data:image/${type};base64,AAAA`)).toEqual({ url: `data:image/${type};base64,AAAA`, bytes: 3 })
  })

  it('may have blanks around it; its size is that of the file', () => {
    expect(readPicture('\n data:image/png;base64,AAAAAA== \n')).toMatchObject({ bytes: 4 })
    expect(readPicture('data:image/png;base64,AAAAAAA=')).toMatchObject({ bytes: 5 })
  })

  it.each([
    'data:image/svg+xml;base64,PHN2Zz4=',
    'data:image/svg+xml,<svg onload=alert(1)>',
    'data:text/html;base64,AAAA',
    'https://example.org/a.png',
    'data:image/png;base64,AAAA What does it say?',
    'What is data:image/png;base64,AAAA',
    'data:image/png;base64,',
    `data:image/png;base64,${'A'.repeat(1_400_000)}`,
  ])('%.40s stays text', (text) => {
    expect(readPicture(text)).toBeUndefined()
  })
})

it('a prompt in one line is short and whole', () => {
  expect(oneLine('  one\n\n two\t三 ')).toBe('one two 三')
  expect(oneLine(`${'x'.repeat(159)}😀`)).toBe('x'.repeat(159))
  expect(oneLine('y'.repeat(1_000_000))).toHaveLength(160)
})

it('sizes are said in the nearest unit', () => {
  expect([0, 999, 1_500, 12_345, 1_340_000].map((bytes) => sizeOf(bytes, 'en'))).toEqual(['0 B', '999 B', '1.5 kB', '12 kB', '1.3 MB'])
})
