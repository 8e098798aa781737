/** The demo's space and the token its app connects with; found again on every start. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HubRefusal, SpacesClient } from '@websocket-spaces/client'
import { say } from './say.ts'

export const DEMO_SPACE = 'admin/ocr-demo'
const TOKEN_NAME = 'OCR demo'

/** Below the admin's password in the data directory, and for its owner alone as well. */
const TOKEN_FILE = 'demo-app-token.txt'
const SAMPLE_IMAGE = join(import.meta.dirname, 'demo-sample.txt')

const ENGLISH = `Real recognition by [tesseract.js](https://tesseract.projectnaptha.com), running as a separate program that dialled in to this hub; no data leaves this machine.

**Try it**: click one of the examples, or paste the address of an image with English text. PNG, JPEG, WebP, GIF and BMP up to 10 MB. The code is in \`examples/ocr\`.`

const CHINESE = `由 [tesseract.js](https://tesseract.projectnaptha.com) 真实识别，它作为独立程序主动连接到本站；数据不会离开这台机器。

**试一试**：点击下面的示例，或粘贴一张含英文文字的图片地址。支持 PNG、JPEG、WebP、GIF 和 BMP，最大 10 MB。代码在 \`examples/ocr\`。`

/** In both languages, for whoever opens the page; lists and headers show its first paragraph. */
const DESCRIPTION = say(
  ['Reads the text in a picture. 识别图片中的文字。', ENGLISH, '---', CHINESE].join('\n\n'),
  ['识别图片中的文字。Reads the text in a picture.', CHINESE, '---', ENGLISH].join('\n\n'),
)

/**
 * Makes sure that the space exists and that a token for it is at hand; returns the token.
 * Without the admin's password (it was changed) only a token kept earlier can be used; null when there is none.
 */
export async function prepareDemoSpace(host: string, dataDir: string, adminPassword: string | undefined): Promise<string | null> {
  const path = join(dataDir, TOKEN_FILE)
  const kept = await readKept(path)
  const admin = adminPassword === undefined ? undefined : await signIn(host, adminPassword)
  if (admin === undefined) return kept
  await ensureSpace(admin)
  const tokens = await admin.listConnectTokens(DEMO_SPACE)
  const mine = tokens.filter((token) => token.name === TOKEN_NAME)
  if (kept !== null && mine.some((token) => kept.endsWith(token.hint))) return kept
  for (const token of mine) await admin.revokeConnectToken(token.id, DEMO_SPACE)
  const created = await admin.createConnectToken(TOKEN_NAME, DEMO_SPACE)
  await keep(path, created.token)
  return created.token
}

/** Undefined when the password is no longer the right one. */
async function signIn(host: string, password: string): Promise<SpacesClient | undefined> {
  const client = new SpacesClient({ host })
  try {
    await client.signIn('admin', password)
    return client
  } catch (error) {
    if (error instanceof HubRefusal && (error.code === 'invalid_credentials' || error.code === 'rate_limited')) return undefined
    throw error
  }
}

async function ensureSpace(admin: SpacesClient): Promise<void> {
  try {
    await admin.getSpace(DEMO_SPACE)
    return
  } catch (error) {
    if (!(error instanceof HubRefusal && error.status === 404)) throw error
  }
  const image = (await readFile(SAMPLE_IMAGE, 'utf8')).trim()
  await admin.createSpace({
    name: 'ocr-demo',
    description: DESCRIPTION,
    category: 'image',
    tags: ['OCR', 'tesseract.js'],
    emoji: '🔎',
    examples: ['/samples/receipt.png', image],
  })
}

async function readKept(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.trim() === '' ? null : text.trim()
}

async function keep(path: string, token: string): Promise<void> {
  await writeFile(`${path}.new`, `${token}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
