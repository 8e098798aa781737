import { fetchImage, type FetchPolicy, MAX_IMAGE_BYTES, tooLarge } from './fetch-image.ts'
import { Problem } from './problem.ts'

/** Gets the image a prompt names: a data URL, an http(s) address, or a path on the hub (`/samples/…`). */
export async function loadImage(prompt: string, policy: FetchPolicy, signal: AbortSignal): Promise<Buffer> {
  const text = prompt.trim()
  if (/^data:/i.test(text)) return decodeDataUrl(text)
  const address = text.startsWith('/') && !text.startsWith('//') ? URL.parse(text, policy.hubOrigin) : URL.parse(text)
  if (address === null || /\s/.test(text)) {
    throw new Problem(
      'Send the address of an image (https://…) or the image itself as a data: URL',
      '请输入图片地址（https://…），或以 data: URL 形式提供图片',
    )
  }
  return fetchImage(address, policy, signal)
}

function decodeDataUrl(text: string): Buffer {
  const comma = text.indexOf(',')
  const head = text.slice(0, comma)
  const body = text.slice(comma + 1).replace(/\s/g, '')
  if (comma < 0 || !/^data:image\/[\w.+-]+;base64$/i.test(head) || !/^[A-Za-z0-9+/]+={0,2}$/.test(body)) {
    throw new Problem('The data: URL must look like data:image/png;base64,…', 'data: URL 的格式应为 data:image/png;base64,…')
  }
  if (body.length * 0.75 > MAX_IMAGE_BYTES + 2) throw tooLarge()
  return Buffer.from(body, 'base64')
}
