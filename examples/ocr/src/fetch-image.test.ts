import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { type FetchPolicy, MAX_IMAGE_BYTES } from './fetch-image.ts'
import { loadImage } from './image-source.ts'
import { isPrivateAddress } from './private-address.ts'

const open: FetchPolicy = { hubOrigin: 'http://hub.test', allowPrivateHosts: true }
const closed: FetchPolicy = { hubOrigin: 'http://hub.test', allowPrivateHosts: false }
const disposers: (() => void)[] = []

afterEach(() => {
  for (const dispose of disposers.splice(0)) dispose()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  disposers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function load(prompt: string, policy: FetchPolicy, signal = AbortSignal.timeout(10_000)): Promise<Buffer> {
  return loadImage(prompt, policy, signal)
}

describe('image addresses', () => {
  test('an image is read, also after redirects', async () => {
    const origin = await serve((request, response) => {
      if (request.url === '/image') response.writeHead(200, { 'content-type': 'image/png' }).end('pixels')
      else response.writeHead(302, { location: '/image' }).end()
    })
    expect((await load(`${origin}/moved`, open)).toString()).toBe('pixels')
  })

  test('a path is read from the hub, the one private address allowed by default', async () => {
    const hubOrigin = await serve((_, response) => response.writeHead(200, { 'content-type': 'image/png' }).end('pixels'))
    expect((await load('/samples/a.png', { hubOrigin, allowPrivateHosts: false })).toString()).toBe('pixels')
  })

  test('private addresses are refused: as numbers, as a name, and behind a redirect', async () => {
    let asked = 0
    const target = await serve((_, response) => {
      asked++
      response.end()
    })
    const port = new URL(target).port
    const hubOrigin = await serve((_, response) => response.writeHead(302, { location: target }).end())
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]']) {
      await expect(load(`http://${host}:${port}/`, closed)).rejects.toThrow(/private address/)
    }
    await expect(load(`${hubOrigin}/go`, { hubOrigin, allowPrivateHosts: false })).rejects.toThrow(/private address/)
    expect(asked).toBe(0)
  })

  test('endless redirects, other schemes and passwords in the address are refused', async () => {
    const origin = await serve((_, response) => response.writeHead(302, { location: '/again' }).end())
    await expect(load(origin, open)).rejects.toThrow(/redirects/)
    await expect(load('ftp://example.com/a.png', open)).rejects.toThrow(/http and https/)
    await expect(load('file:///etc/passwd', open)).rejects.toThrow(/http and https/)
    await expect(load('http://a:b@example.com/', open)).rejects.toThrow(/password/)
  })

  test('pages, error answers and oversize images are refused, declared or not', async () => {
    const origin = await serve((request, response) => {
      if (request.url === '/page') response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<p>')
      else if (request.url === '/missing') response.writeHead(404).end()
      else if (request.url === '/declared') response.writeHead(200, { 'content-length': MAX_IMAGE_BYTES + 1 }).write('x')
      else response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.alloc(MAX_IMAGE_BYTES + 1))
    })
    await expect(load(`${origin}/page`, open)).rejects.toThrow(/text\/html/)
    await expect(load(`${origin}/missing`, open)).rejects.toThrow(/404/)
    await expect(load(`${origin}/declared`, open)).rejects.toThrow(/10 MB/)
    await expect(load(`${origin}/chunked`, open)).rejects.toThrow(/10 MB/)
  })

  test('a cancelled request stops the download with its own reason', async () => {
    const canceled = new AbortController()
    const reason = new Error('canceled')
    const origin = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'image/png' }).write('x')
      canceled.abort(reason)
    })
    await expect(load(origin, open, canceled.signal)).rejects.toBe(reason)
  })
})

test('data URLs are decoded; anything else says what is expected', async () => {
  expect((await load('data:image/png;base64,AAEC', closed)).length).toBe(3)
  for (const prompt of ['data:text/html;base64,AAEC', 'data:image/png,AAEC', 'data:image/png;base64,%%%', 'data:image/png;base64,']) {
    await expect(load(prompt, closed)).rejects.toThrow(/data:image\/png;base64/)
  }
  for (const prompt of ['hello', '写一首诗', 'http://', 'see https://example.com/a.png please']) {
    await expect(load(prompt, closed)).rejects.toThrow(/address of an image/)
  }
})

test('ranges that are not the public internet count as private, IPv4 inside IPv6 too', () => {
  for (const address of ['10.1.2.3', '169.254.169.254', '::', 'fd00::1', 'fe80::1', '::ffff:10.0.0.1', '64:ff9b::a00:1', 'nonsense']) {
    expect(isPrivateAddress(address), address).toBe(true)
  }
  for (const address of ['8.8.8.8', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8']) {
    expect(isPrivateAddress(address), address).toBe(false)
  }
})
