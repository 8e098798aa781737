import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { inspectImage } from './image-format.ts'
import { createRecogniser } from './recogniser.ts'

const receipt = join(import.meta.dirname, '../../../packages/web/static/samples/receipt.png')
const recogniser = createRecogniser()
const never = new AbortController().signal

afterAll(() => recogniser.close())

test('text is read with rising progress', async () => {
  const seen: number[] = []
  const { text, confidence } = await recogniser.recognise(await readFile(receipt), (share) => seen.push(share), never)
  expect(text).toContain('Corner Bakery')
  expect(text).toContain('Total 19.60')
  expect(confidence).toBeGreaterThan(0.8)
  expect(confidence).toBeLessThanOrEqual(1)
  expect(seen.length).toBeGreaterThan(2)
  expect(seen).toEqual(seen.toSorted((a, b) => a - b))
})

test('after a damaged image and a cancelled one the next is read as ever', async () => {
  const image = await readFile(receipt)
  await expect(recogniser.recognise(image.subarray(0, 60), ignore, never)).rejects.toThrow(/damaged/)
  const canceled = new AbortController()
  const reading = recogniser.recognise(image, () => canceled.abort(new Error('canceled')), canceled.signal)
  await expect(reading).rejects.toThrow('canceled')
  expect((await recogniser.recognise(image, ignore, never)).text).toContain('Harbour')
})

test('formats are told by content; other files and huge pictures are refused', async () => {
  expect(inspectImage(await readFile(receipt))).toEqual({ name: 'png', width: 420, height: 366 })
  const huge = Buffer.from(await readFile(receipt))
  huge.writeUInt32BE(60_000, 16)
  huge.writeUInt32BE(60_000, 20)
  expect(() => inspectImage(huge)).toThrow(/megapixels/)
  for (const bytes of [Buffer.from('<svg>'), Buffer.alloc(0), Buffer.from([0xff, 0xd8, 0xff]), Buffer.from('RIFF....WEBPVP8X')]) {
    expect(() => inspectImage(bytes)).toThrow(/not a PNG/)
  }
  expect(inspectImage(Buffer.from('ffd8ffe000040000ffc0001108001000200301', 'hex'))).toEqual({ name: 'jpeg', width: 32, height: 16 })
  expect(inspectImage(Buffer.from('GIF89a\x05\x00\x04\x00', 'latin1'))).toEqual({ name: 'gif', width: 5, height: 4 })
})

function ignore(): void {}
