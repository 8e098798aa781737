import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

const YEAR = 31_536_000_000

/** The built web page: one HTML shell for all its addresses, and its immutable parts. */
export interface Page {
  readonly directory: string
  readonly shell: string
  readonly scriptHashes: readonly string[]
}

const NOT_BUILT =
  '<!doctype html><meta charset="utf-8"><title>WebSocket Spaces</title><p>The page is not built. Run: npm run build<p>网页尚未构建，请运行：npm run build'

export function loadPage(directory: string): Page {
  const file = join(directory, 'index.html')
  const shell = existsSync(file) ? readFileSync(file, 'utf8') : NOT_BUILT
  const scripts = [...shell.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)]
  const scriptHashes = scripts.map(([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`)
  return { directory, shell, scriptHashes }
}

/** Files of the page; every other address that is not the API's gets the shell, which shows its own "not found". */
export async function servePage(app: FastifyInstance, page: Page): Promise<void> {
  if (!existsSync(page.directory)) return
  await app.register(fastifyStatic, {
    root: page.directory,
    index: false,
    // One route for each file found now: whatever else is asked for gets the shell, and no path can climb out.
    wildcard: false,
    // The build holds a .br and a .gz of each file.
    preCompressed: true,
    setHeaders(reply, path) {
      const immutable = path.includes('/immutable/')
      void reply.header('cache-control', immutable ? `public, max-age=${YEAR / 1000}, immutable` : 'no-cache')
    },
  })
}
