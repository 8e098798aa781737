import { join } from 'node:path'
import { pino } from 'pino'
import { expect } from 'vitest'
import type { HubConfig } from '../../src/config.ts'
import { createHttpServer } from '../../src/http/server.ts'
import { openAccounts, type TestAccounts, type TestOptions } from './harness.ts'

export interface TestHub extends AsyncDisposable, Omit<TestAccounts, 'restart'> {
  readonly url: string
  /** A browser or program with its own cookies. */
  client(headers?: Readonly<Record<string, string>>): Client
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: unknown
}

export type Client = (method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>) => Promise<Answer>

export interface HttpOptions extends TestOptions {
  readonly trustProxy?: boolean
}

/** The hub's own HTTP server on a free port, over accounts on a real SQLite file. */
export async function startHub(
  { trustProxy = false, ...options }: HttpOptions = { adminPassword: 'correct horse battery' },
): Promise<TestHub> {
  const opened = await openAccounts(options)
  const config: HubConfig = {
    listen: { host: '127.0.0.1', port: 0 },
    dataDir: opened.dataDir,
    adminPassword: options.adminPassword,
    publicUrl: options.publicUrl,
    logLevel: 'silent',
    trustProxy,
    webDir: join(opened.dataDir, 'no-page'),
  }
  const app = await createHttpServer({ config, log: pino({ level: 'silent' }), accounts: opened.accounts })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    ...opened,
    url,
    client: (headers = {}) => createClient(url, headers),
    async [Symbol.asyncDispose]() {
      await app.close()
      await opened[Symbol.asyncDispose]()
    },
  }
}

function createClient(url: string, fixed: Readonly<Record<string, string>>): Client {
  const jar = new Map<string, string>()
  return async (method, path, body, headers = {}) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(cookie === '' ? {} : { cookie }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...fixed,
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    for (const line of response.headers.getSetCookie()) keep(jar, line)
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: readJson(text) }
  }
}

function keep(jar: Map<string, string>, line: string): void {
  const [pair = ''] = line.split(';')
  const name = pair.slice(0, pair.indexOf('='))
  if (/max-age=0/i.test(line)) jar.delete(name)
  else jar.set(name, pair.slice(name.length + 1))
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

export const ADMIN = { username: 'admin', password: 'correct horse battery' }
export const ALICE = { username: 'Alice', password: 'password-1' }

export async function adminOf(hub: TestHub): Promise<Client> {
  const client = hub.client()
  expect((await client('POST', '/api/auth/sign-in/username', ADMIN)).status).toBe(200)
  return client
}

export async function alice(hub: TestHub): Promise<Client> {
  const client = hub.client()
  expect((await client('POST', '/api/auth/sign-up/email', ALICE)).status).toBe(200)
  return client
}

/** The shape of an error answer; a message only where it matters. */
export function error(code: string, message?: string): object {
  return { error: expect.objectContaining(message === undefined ? { code } : { code, message }) as object }
}
