/** What is written for those who run a hub agrees with the hub. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { LIMITS, TIMING } from '@websocket-spaces/protocol'
import { readDocument, ROOT } from './markdown.ts'

const service = z.looseObject({
  image: z.string(),
  environment: z.record(z.string(), z.string()).optional(),
  ports: z.array(z.string()).optional(),
  depends_on: z.union([z.array(z.string()), z.record(z.string(), z.object({ condition: z.string() }))]).optional(),
  healthcheck: z
    .object({ test: z.array(z.string()) })
    .loose()
    .optional(),
  stop_grace_period: z.string().optional(),
})
const compose = z.object({ services: z.record(z.string(), service) }).loose()

async function read(path: string): Promise<string> {
  return readFile(join(ROOT, path), 'utf8')
}

async function services() {
  return compose.parse(parse(await read('compose.yaml'), { merge: true })).services
}

test('compose: every hub knows only settings there are, and stops no sooner than it can', async () => {
  const known = Array.from((await read('packages/hub/src/config.ts')).matchAll(/^ {2}([A-Z][A-Z0-9_]*): z\b/gm), ([, name]) => name)
  const all = await services()
  for (const name of ['hub-1', 'hub-2']) {
    const hub = all[name]
    expect(known).toEqual(expect.arrayContaining(Object.keys(hub?.environment ?? {})))
    expect(Number.parseInt(hub?.stop_grace_period ?? '', 10) * 1_000).toBeGreaterThan(TIMING.drainFor + 5_000)
    expect(hub?.ports).toBeUndefined()
  }
})

test('compose: what is waited for can be asked for its health, and only the proxy is published', async () => {
  const all = await services()
  for (const { depends_on = [] } of Object.values(all)) {
    const waited = Array.isArray(depends_on) ? [] : Object.keys(depends_on)
    for (const name of waited) expect(all[name]?.healthcheck?.test).toBeDefined()
    for (const name of Array.isArray(depends_on) ? depends_on : waited) expect(Object.keys(all)).toContain(name)
  }
  const published = Object.entries(all).flatMap(([name, { ports }]) => (ports === undefined ? [] : [name]))
  expect(published).toEqual(['caddy'])
  for (const [, upstream = ''] of (await read('deploy/Caddyfile')).matchAll(/(hub-\d+):5001/g)) expect(Object.keys(all)).toContain(upstream)
})

test('compose: no password is in it, and .env.example names all that must be set', async () => {
  const text = await read('compose.yaml')
  const required = Array.from(text.matchAll(/\$\{([A-Z_]+):\?/g), ([, name]) => name)
  const optional = Array.from(text.matchAll(/\$\{([A-Z_]+):-/g), ([, name]) => name)
  const example = await read('.env.example')
  expect([...new Set(required)]).toEqual(Array.from(example.matchAll(/^([A-Z_]+)=$/gm), ([, name]) => name))
  expect(new Set(optional)).toEqual(new Set(Array.from(example.matchAll(/^# ([A-Z_]+)=/gm), ([, name]) => name)))
})

test('the image is told of every package that it installs', async () => {
  const dockerfile = await read('Dockerfile')
  const lock = z.object({ packages: z.record(z.string(), z.unknown()) }).parse(JSON.parse(await read('package-lock.json')))
  const own = Object.keys(lock.packages).filter((path) => /^(packages|examples)\/[^/]+$/.test(path))
  expect(own.length).toBeGreaterThan(3)
  for (const path of own) expect(dockerfile).toContain(`COPY ${path}/package.json ${path}/`)
})

test('nginx lets through as much as the hub takes, and waits as long as it may', async () => {
  for (const path of ['docs/deploy.md', 'docs/deploy.zh-CN.md']) {
    const { text, blocks } = await readDocument(path)
    const nginx = blocks.find(({ language }) => language === 'nginx')?.lines.join('\n') ?? ''
    const sizes = Array.from(nginx.matchAll(/client_max_body_size (\d+)m;/g), ([, size]) => Number(size) * 1024 ** 2)
    expect(sizes).toEqual([LIMITS.httpBodyBytes, LIMITS.packetBytes])
    expect(Number(/proxy_read_timeout (\d+)s/.exec(nginx)?.[1])).toBeGreaterThan(60)
    for (const bytes of [LIMITS.httpBodyBytes, LIMITS.packetBytes]) expect(text).toContain(`${bytes / 1024 ** 2} MiB`)
    expect(text).toContain(`${TIMING.streamKeepAlive / 1_000} `)
  }
})
