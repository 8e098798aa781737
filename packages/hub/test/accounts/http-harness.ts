import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect } from 'vitest'
import type { HubConfig } from '../../src/config.ts'
import { createHub } from '../../src/hub.ts'
import { temporaryDirectory } from './harness.ts'

export interface TestHub extends AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  readonly firstAdminPassword: string | null
  /** A browser or program with its own cookies. */
  client(headers?: Readonly<Record<string, string>>): Client
  /** Stops the hub; its data stays until disposal. */
  close(): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: unknown
}

export type Client = (method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>) => Promise<Answer>

export type HttpOptions = Partial<Pick<HubConfig, 'adminPassword' | 'publicUrl' | 'trustProxy'>>

/** A whole hub on a free port and a fresh data directory. `adminPassword: undefined` lets one be generated. */
export async function startHub(options: HttpOptions = {}): Promise<TestHub> {
  const dataDir = await temporaryDirectory()
  const defaults = {
    adminPassword: 'correct horse battery',
    publicUrl: undefined,
    trustProxy: false,
    logLevel: 'silent',
    synchronous: 'full',
    appGraceSeconds: 30,
    retentionDays: 0,
  } as const
  const where = { listen: { host: '127.0.0.1', port: 0 }, dataDir, webDir: join(dataDir, 'no-page') }
  const hub = await createHub({ ...defaults, ...options, ...where }, { log: pino({ level: 'silent' }) })
  const { port } = await hub.listen()
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    dataDir,
    firstAdminPassword: hub.firstAdminPassword,
    client: (headers = {}) => createClient(url, headers),
    close: () => hub.close(),
    async [Symbol.asyncDispose]() {
      await hub.close()
      await rm(dataDir, { recursive: true, force: true })
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
