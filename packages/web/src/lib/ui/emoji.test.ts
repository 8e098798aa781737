import { expect, test } from 'vitest'
import { initialOf, looksMissing } from './emoji.ts'

const CLEAR = [0, 0, 0, 0]
const BLACK = [0, 0, 0, 255]
const EDGE = [0, 0, 0, 90]
const RED = [220, 40, 30, 255]
const WHITE = [255, 255, 255, 255]
const NOISE = [3, 0, 1, 255]

test.each([
  ['a box in black', [CLEAR, BLACK, EDGE, CLEAR], true],
  ['a box, with noise against fingerprinting', [CLEAR, NOISE, EDGE, CLEAR], true],
  ['nothing at all', [CLEAR, CLEAR], true],
  ['a picture in colours', [CLEAR, RED, BLACK, CLEAR], false],
  ['a canvas that the browser does not let be read', [WHITE, WHITE], false],
  ['no canvas', [], false],
])('%s', (_, pixels, expected) => {
  expect(looksMissing(new Uint8ClampedArray(pixels.flat()))).toBe(expected)
})

test.each([
  ['shout', 'S'],
  ['识图', '识'],
  ['𝒳y', '𝒳'],
  ['', ''],
])('%s begins with %s', (name, initial) => {
  expect(initialOf(name)).toBe(initial)
})
