/** Real input: an image made here goes in at the page, the words on it come out. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { startChild } from '../harness/child.ts'
import { makeSpace, signInAdmin } from '../harness/people.ts'
import { expect, signIn, submitPrompt, test } from './fixtures.ts'

const OCR = join(import.meta.dirname, '../../examples/ocr/src/main.ts')
const WORDS = ['The harbour lights', 'were seventeen', 'and counting']

async function drawWords(page: Page): Promise<Buffer> {
  await page.setContent(
    `<body style="margin:40px;background:white;font:34px/1.6 serif">${WORDS.map((line) => `<div>${line}</div>`).join('')}</body>`,
  )
  return page.screenshot({ clip: { x: 0, y: 0, width: 520, height: 260 } })
}

async function serveImage(image: Buffer): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'image/png' }).end(image)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/words.png`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test('an image is read: from an address, as data, and from the hub itself', async ({ page, hub }) => {
  const image = await drawWords(page)
  await using images = await serveImage(image)
  const { reference, token } = await makeSpace(await signInAdmin(hub.url))
  const args = [OCR, '--host', hub.url, '--space', reference, '--allow-private-hosts']
  await using app = startChild(process.execPath, args, { env: { WSS_TOKEN: token } })
  await app.line(/serving/)
  await signIn(page)
  await page.goto(`/spaces/${reference}`)

  for (const prompt of [images.url, `data:image/png;base64,${image.toString('base64')}`]) {
    await submitPrompt(page, prompt)
    for (const line of WORDS) await expect(page.getByTestId('output-text')).toContainText(line)
    await expect(page.getByTestId('figure-model')).toContainText('tesseract.js')
    await expect(page.getByTestId('figure-tokens')).toHaveText('7')
    await page.goto(`/spaces/${reference}`)
  }
  await submitPrompt(page, '/samples/receipt.png')
  await expect(page.getByTestId('output-text')).toContainText('Corner Bakery')
})

test('an address it must not read, or that is no image, is told in both languages', async ({ page, hub }) => {
  const { reference, token } = await makeSpace(await signInAdmin(hub.url))
  await using app = startChild(process.execPath, [OCR, '--host', hub.url, '--space', reference], { env: { WSS_TOKEN: token } })
  await app.line(/serving/)
  await signIn(page)
  await page.goto(`/spaces/${reference}`)
  await submitPrompt(page, 'http://127.0.0.1:9/secret.png')
  await expect(page.getByText(/private address.*内网地址/).first()).toBeVisible()
  await page.goto(`/spaces/${reference}`)
  await submitPrompt(page, `${hub.url}/api/v1/info`)
  await expect(page.getByText(/not to an image.*不是图片|not to an image.*而不是图片/).first()).toBeVisible()
})
