import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type CreateSpaceBody, createdSecret, requestView, type RequestView, space, type Space } from '@websocket-spaces/protocol'
import { createHub, type Hub, loadConfig } from '../../src/index.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: unknown
}

/** Somebody with their session, or nobody. */
export interface Person {
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
  makeSpace(settings?: Partial<CreateSpaceBody>): Promise<OwnSpace>
  submit(of: OwnSpace, prompt?: string): Promise<RequestView>
  view(id: string): Promise<RequestView>
}

export interface OwnSpace {
  readonly space: Space
  /** `/api/v1/spaces/owner/name` */
  readonly path: string
  readonly token: string
}

export interface TestHub extends AsyncDisposable {
  readonly url: string
  readonly hub: Hub
  /** Lines of level `error` and above: there should be none. */
  readonly errors: string[]
  /** Lines of level `warn`. */
  readonly warnings: string[]
  readonly nobody: Person
  readonly admin: Person
  signUp(name?: string): Promise<Person>
}

const PASSWORD = 'a long password'
let names = 0
export function unique(word: string): string {
  names += 1
  return `${word}-${process.pid}-${names}`
}

/** A whole hub on a free port, over the wire. */
export async function startHub(env: Readonly<Record<string, string>> = {}): Promise<TestHub> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hub-test-'))
  const settings = { HOST: '127.0.0.1', PORT: '0', DATA_DIR: dataDir, ADMIN_PASSWORD: PASSWORD, WEB_DIR: join(dataDir, 'no-page') }
  const errors: string[] = []
  const warnings: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void (line.startsWith('{"level":40') ? warnings : errors).push(line) })
  const hub = await createHub(loadConfig({ ...settings, ...env }), { log })
  const { url } = await hub.listen()

  async function signedIn(name: string, path: string): Promise<Person> {
    const answer = await person(url, name, {}).call('POST', path, { username: name, password: PASSWORD })
    if (answer.status !== 200) throw new Error(`could not sign in: ${answer.text}`)
    const cookie = answer.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ')
    return person(url, name, { cookie })
  }

  return {
    url,
    hub,
    errors,
    warnings,
    nobody: person(url, 'nobody', {}),
    admin: await signedIn('admin', '/api/auth/sign-in/username'),
    signUp: (name = unique('user')) => signedIn(name, '/api/auth/sign-up/email'),
    async [Symbol.asyncDispose]() {
      await hub.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export function person(url: string, name: string, fixed: Readonly<Record<string, string>>): Person {
  async function call(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const response = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: { ...type, ...fixed, ...headers },
      ...(body === undefined ? {} : { body: isRaw ? Buffer.from(body) : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: readJson(text) }
  }
  async function must(status: number, answer: Promise<Answer>): Promise<unknown> {
    const { status: got, text, json } = await answer
    if (got !== status) throw new Error(`${got} instead of ${status}: ${text}`)
    return json
  }
  return {
    name,
    headers: fixed,
    call,
    async makeSpace(body = {}) {
      const made = space.parse(await must(201, call('POST', '/api/v1/spaces', { name: unique('space'), ...body })))
      const path = `/api/v1/spaces/${made.owner}/${made.name}`
      const { token } = createdSecret.parse(await must(201, call('POST', `${path}/tokens`, { name: 'for a test' })))
      return { space: made, path, token }
    },
    submit: async ({ path }, prompt = 'a prompt') =>
      requestView.parse(await must(202, call('POST', `${path}/requests`, { input: { prompt } }))),
    view: async (id) => requestView.parse(await must(200, call('GET', `/api/v1/requests/${id}`))),
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

export function codeIn({ json }: Pick<Answer, 'json'>): unknown {
  const error = typeof json === 'object' && json !== null && 'error' in json ? json.error : undefined
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
