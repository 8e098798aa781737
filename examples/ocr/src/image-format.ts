import { Problem } from './problem.ts'

export interface ImageFormat {
  readonly name: 'png' | 'jpeg' | 'webp' | 'gif' | 'bmp'
  readonly width: number
  readonly height: number
}

/** A small file can unpack to gigabytes; no photo or scan worth reading is larger than this. */
const MAX_PIXELS = 50_000_000

/** Tells the format from the first bytes, never from a name or header, and refuses pictures too large to unpack. */
export function inspectImage(bytes: Buffer): ImageFormat {
  const format = readPng(bytes) ?? readJpeg(bytes) ?? readWebp(bytes) ?? readGif(bytes) ?? readBmp(bytes)
  if (format === undefined) {
    throw new Problem('This is not a PNG, JPEG, WebP, GIF or BMP image', '这不是 PNG、JPEG、WebP、GIF 或 BMP 图片')
  }
  if (format.width < 1 || format.height < 1 || format.width * format.height > MAX_PIXELS) {
    const size = `${format.width}×${format.height}`
    throw new Problem(`The image is ${size} pixels; at most 50 megapixels are read`, `图片尺寸为 ${size} 像素，最多支持 5000 万像素`)
  }
  return format
}

function readPng(bytes: Buffer): ImageFormat | undefined {
  if (bytes.length < 24 || bytes.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n') return undefined
  return { name: 'png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
}

/** Walks the segments to the frame header, which holds the size. */
function readJpeg(bytes: Buffer): ImageFormat | undefined {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xff_d8) return undefined
  let at = 2
  while (at + 9 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] ?? 0
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
    if (isFrame) return { name: 'jpeg', height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) }
    at += marker === 0xff ? 1 : 2 + bytes.readUInt16BE(at + 2)
  }
  return undefined
}

function readWebp(bytes: Buffer): ImageFormat | undefined {
  if (bytes.length < 30 || bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WEBP') return undefined
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return { name: 'webp', width: bytes.readUInt16LE(26) & 0x3f_ff, height: bytes.readUInt16LE(28) & 0x3f_ff }
    case 'VP8L': {
      const packed = bytes.readUInt32LE(21)
      return { name: 'webp', width: (packed & 0x3f_ff) + 1, height: ((packed >>> 14) & 0x3f_ff) + 1 }
    }
    case 'VP8X':
      return { name: 'webp', width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
    default:
      return undefined
  }
}

function readGif(bytes: Buffer): ImageFormat | undefined {
  if (bytes.length < 10 || !/^GIF8[79]a$/.test(bytes.toString('latin1', 0, 6))) return undefined
  return { name: 'gif', width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }
}

function readBmp(bytes: Buffer): ImageFormat | undefined {
  if (bytes.length < 26 || bytes.toString('latin1', 0, 2) !== 'BM') return undefined
  return { name: 'bmp', width: Math.abs(bytes.readInt32LE(18)), height: Math.abs(bytes.readInt32LE(22)) }
}
